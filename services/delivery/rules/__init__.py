"""Which courier carries a parcel and who pays for it: lines that administrators keep, and the pure choice by them."""
