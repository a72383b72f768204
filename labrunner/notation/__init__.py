"""A signer and verifier of the Notary Project, used as `notation` is: the sandbox's where the machine has none.

Written from the Notary Project's specifications (notaryproject/specifications: signature-specification,
signature-envelope-jws, trust-store-trust-policy, signing-scheme); its commands and what they print, from notation
1.3.2. It knows nothing of labs. What it does not do (COSE envelopes, timestamps, plugins, OCSP and CRLs), it says.
"""
