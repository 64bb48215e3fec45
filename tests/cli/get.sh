# Fetching, as far as it goes without a network; the rest is tested against a mirror of our own (data/test_get.c).
DECANT_DATA=$PWD/kept
export DECANT_DATA
show data get
show data get fashion-mnits
show data get mnist --mirror http://127.0.0.1:1 | sed 's/\(gz: \).*\(. --mirror\)/\1no connection\2/'
ls kept/mnist | wc -l
show data list | sed -n 's/looked in .*kept.cifar10, .*/looked in DECANT_DATA and elsewhere/p'
show data list --json | sed -n 's/.*"name":"cifar10".*"path":\(null\).*/cifar10 at \1/p'
mkdir broken && : >broken/libcurl.so.4 # as on a machine without it
LD_LIBRARY_PATH=$PWD/broken show data get mnist | grep -o 'nothing can be fetched without libcurl'
