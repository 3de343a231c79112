"""What telephony providers send when somebody contacts a decoy: read, and held against its signature. Pure."""
