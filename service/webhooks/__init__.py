"""Telling addresses outside of events, signed and in order (Standard Webhooks 1.0)."""
