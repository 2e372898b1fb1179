"""The one place where a workspace is changed, whoever asks: API, page or command line."""
