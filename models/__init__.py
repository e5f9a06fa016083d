"""SuDoRM-RF, written from the paper. Imports torch only."""
