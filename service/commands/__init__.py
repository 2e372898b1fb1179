"""The one place where a workspace is changed, whoever asks: API, console, set-up session or command line."""
