"""What staff do with a case: taking it in, examining it, deciding it. The desk puts the parts together."""
