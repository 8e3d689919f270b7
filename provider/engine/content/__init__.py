"""What is inside a secret: JSON documents, JMESPath, encodings, file formats."""
