"""autoscale: how much of each data domain to train a language model on."""
