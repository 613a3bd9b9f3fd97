"""JSON for machines that are not providers: department systems, lockers of service points. Every request is signed."""
