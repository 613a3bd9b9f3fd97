"""The catalogue (事项目录): what can be applied for, by whom, where, with which materials and fees."""
