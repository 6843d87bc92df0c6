"""What is told of all commands, made from their parsers and types: the reference, JSON Schemas, completion."""
