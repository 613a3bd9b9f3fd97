"""SF Express over its open platform (顺丰 丰桥): orders, routes, reach and price, route pushes."""
