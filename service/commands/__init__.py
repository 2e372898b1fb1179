"""The one place where a workspace's configuration is changed, whoever asks: API, console, set-up session or command line."""
