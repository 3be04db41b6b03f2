"""Balanced grids: a suggestion how to split an area into grids that carry alike.

`blocks.build_blocks` makes the blocks between roads, `solving.balance` groups them, `drawing`
makes grids of the groups. Pure: frames and arrays in and out. docs/balanced_grids.md
"""
