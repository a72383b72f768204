#!/bin/bash

ACR_NAME="progressacr12345678"
ACR_LOGIN_SERVER="$ACR_NAME.azurecr.io"
IMAGE_NAME="mywebapi"

echo "=== ACR Image Management Verification ==="
echo ""

# Login to ACR
echo "1. Logging into ACR..."
az acr login --name $ACR_NAME
echo ""

# List repositories
echo "2. Repositories in ACR:"
az acr repository list --name $ACR_NAME --output table
echo ""

# List tags
echo "3. Tags for $IMAGE_NAME:"
az acr repository show-tags --name $ACR_NAME --repository $IMAGE_NAME --output table
echo ""

# Get repository size
echo "4. Repository Size:"
az acr repository show \
  --name $ACR_NAME \
  --repository $IMAGE_NAME \
  --query "{Repository:name, TagCount:tagCount}" \
  --output table
echo ""

# Test pull
echo "5. Testing Image Pull:"
docker pull $ACR_LOGIN_SERVER/$IMAGE_NAME:latest
if [ $? -eq 0 ]; then
    echo "   ✓ Successfully pulled image"
else
    echo "   ✗ Failed to pull image"
fi
echo ""

echo "=== Verification Complete ==="
