"""The release as a whole: its signed statement, its signatures made elsewhere, its reports."""
