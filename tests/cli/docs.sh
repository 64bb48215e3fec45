# The committed page is what the program prints.
"$DECANT" lint --schema-docs >recipes.md
cmp recipes.md "$1/../../docs/recipes.md" && echo same
