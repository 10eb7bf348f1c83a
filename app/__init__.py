"""The page: search, similar cases and figures in a browser, over the functions of the package. See `page.serve`."""
