# The help is made from the tables; a change of them shows here.
show
show help
for verb in run summary eval predict compare report lint data info; do show help $verb; done
show run --help
show --version | sed 's/ ([0-9a-f]*\(-dirty\)*)$//' # the commit
