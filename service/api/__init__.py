"""The management API: bearer tokens in, JSON out, every error a problem document (RFC 9457)."""
