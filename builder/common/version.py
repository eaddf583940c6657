"""The version of this builder; the packaging reads it from here."""

VERSION = "0.2.0"
