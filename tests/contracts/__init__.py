"""What the services promise in their OpenAPI documents, held against what they answer."""
