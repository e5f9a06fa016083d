"""A gate's verdicts as text, Markdown, JSON, JUnit and GitHub annotations."""
