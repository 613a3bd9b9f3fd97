"""快递100: orders for pick-up, tracks by subscription and query, labels, addresses, of many carriers."""
