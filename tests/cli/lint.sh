# decant lint: findings on standard output, the worst first; errors give the exit status 2.
tiny_data
tiny_recipe 2 >tiny.yaml
show lint tiny.yaml
show lint tiny.yaml --quiet
show lint tiny.yaml -o runs.distilled.epochs=3 -o 'models.spare=[flatten, linear: 4]'
show lint tiny.yaml -o 'runs.alone.loss={kd: 1}' -o budget.parameters=100
show lint tiny.yaml -o budget.parameters=100 --json
show summary tiny.yaml student -o budget.parameters=100
# With --json places are fields, and what keeps a recipe from being read is a finding too.
show lint tiny.yaml -o device=cuda --json
sed 's/relu/rleu/' tiny.yaml >typo.yaml
show lint typo.yaml --json
sed 's/like: alone/lik: alone/' tiny.yaml >typo.yaml
show lint typo.yaml --json
printf 'decant: 1\nname: [unclosed\n' >broken.yaml
show lint broken.yaml --json
show lint missing.yaml --json
