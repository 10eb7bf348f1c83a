"""Questions and answers: from words to filters, to determinations, similar cases, figures and exports."""
