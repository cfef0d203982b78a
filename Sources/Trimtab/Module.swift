// Trimtab
