"""People: who they are, which workspaces they belong to, how they sign in and what an open session lets them do."""
