"""Scores the judgement: cases with a known truth, made from seeds or recorded, are judged and compared with that truth."""
