"""What people look at: charts and pages that need nothing but a browser, for one run and for several."""
