"""The addresses of REST, a file per noun. A route reads the request, asks a service, and shows the answer."""
