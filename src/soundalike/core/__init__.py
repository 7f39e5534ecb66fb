"""What every other package stands on: errors, units, array checks, fingerprints, registries."""
