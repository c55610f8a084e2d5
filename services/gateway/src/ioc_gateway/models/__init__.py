"""The shapes that REST answers in, a file per noun; they become the schemas of the OpenAPI document."""
