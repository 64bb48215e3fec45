# A data set that is not there: the message says where it looked and how to get it.
tiny_recipe 2 >tiny.yaml
mkdir empty
HOME=$PWD/empty XDG_DATA_HOME=$PWD/empty DECANT_DATA=$PWD/empty
export HOME XDG_DATA_HOME DECANT_DATA
show run tiny.yaml -o data.source=cifar10
show run tiny.yaml -o data.source=cifar11
show run tiny.yaml
show data check cifar10
