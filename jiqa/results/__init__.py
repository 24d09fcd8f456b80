"""Numbers and pictures from predictions: criteria, comparisons, tables, records, pages."""
