"""Materials (申请材料) and what stands in for them: licences, shared data, earlier ones, promises, later supply."""
