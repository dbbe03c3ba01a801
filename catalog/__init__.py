"""What is taught; this package knows no prices."""
