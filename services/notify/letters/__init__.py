"""Official documents: words with their line breaks, Typst templates, and the PDF that comes out."""
