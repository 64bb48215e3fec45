# Pictures and arrays of one's own from end to end: trained on, evaluated, predicted, and what is said when they are odd.
"${MAKE_TINY%make_tiny}make_pictures" own
measured() {
    grep -e "^\\$" -e "errors in" -e "^!" | sed "s/loss .*/loss N/"
}
cat >files.yaml <<END
decant: 1
name: files
threads: 1
data:
  source: {format: images, path: own/pictures, test: 0.25}
  unlabelled: 16
  validation: 20
models:
  net: [flatten, linear: 4]
runs:
  net: {model: net, epochs: 20, batch: 10, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}
END
show lint files.yaml
show run files.yaml -q >/dev/null
model=runs/files/net/model.safetensors
show eval $model | sed 's/loss .*/loss N/' | head -9
show predict $model own/pictures/cat/03.png own/pictures/dog/03.png | sed 's/[0-9.]* %/N %/'
show data check own/pictures | head -8
echo "the same as arrays: the same split, the same model"
sed -e 's/name: files/name: arrays/' -e 's|{format: images, path: own/pictures,|{format: npz, path: own/arrays,|' files.yaml >arrays.yaml
show run arrays.yaml -q >/dev/null
show eval runs/arrays/net/model.safetensors | measured
show predict $model own/arrays/x_train.npy:1-2 | sed 's/[0-9.]* %/N %/'
show eval $model --data own/arrays --split train | measured
echo "another folder is the test part as a whole; classes go by their names"
mkdir -p other/dog other/cat && cp own/pictures/dog/0*.png other/dog && cp own/pictures/cat/0*.png other/cat
show eval $model --data other | measured
mkdir other/cats && cp own/pictures/cat/11.png other/cats
show eval $model --data other
echo "pictures of another mode"
show predict $model own/colour.png
"$DECANT" run files.yaml -q -o data.source.channels=3 --dir coloured >/dev/null 2>&1
show predict coloured/files/net/model.safetensors own/pictures/cat/03.png
echo "the folder has changed since"
cp own/pictures/cat/11.png own/pictures/cat/99.png
show eval $model
echo "odd pictures"
cp "$VECTORS/grey.png" own/pictures/dog/98.png
show lint files.yaml
show predict $model own/pictures/dog/98.png
show lint files.yaml -o data.source.size=8 | grep -v "^files"
cp "$VECTORS/colour.jpg" own/pictures/dog/98.png
show lint files.yaml -o data.source.size=8
head -c 60 own/pictures/dog/01.png >own/pictures/dog/98.png
show lint files.yaml
cp "$VECTORS/colour.jpg" own/pictures/dog/97.WebP
show lint files.yaml
rm own/pictures/dog/97.WebP
rm own/pictures/dog/98.png own/pictures/cat/99.png
echo "odd folders"
mkdir own/pictures/goat && cp own/pictures/dog/00.png own/pictures/goat/a.PNG && echo notes >own/pictures/goat/notes.txt
show lint files.yaml
rm own/pictures/goat/a.PNG
show lint files.yaml
mkdir own/pictures/goat/inner
show lint files.yaml
rm -r own/pictures/goat
show lint files.yaml -o data.source.test=0
show lint files.yaml -o data.source.path=own/pictures/dog
show lint files.yaml -o data.source.path=nowhere | sed 's/, nor .*//'
echo "odd arrays"
show lint arrays.yaml -o data.source.arrays={x_train:\ images}
show lint arrays.yaml -o data.source.arrays={x_tran:\ images}
show lint arrays.yaml -o data.source.arrays={y_train:\ x_train}
show lint arrays.yaml -o data.source.layout=hwc
show lint files.yaml -o data.source.channels=2
show lint files.yaml -o data.source.size=[8]
show lint files.yaml -o data.source.sizes=8
echo "one folder by other names, and a copy: the training pictures are no test"
show run files.yaml -q --force --dir anew >/dev/null
model=anew/files/net/model.safetensors
for source in own/pictures ./own/pictures own/pictures/ "$PWD/own/pictures"; do "$DECANT" eval $model --data "$source" | grep -o '[0-9]* errors in [0-9]*'; done
cp -r own/pictures copied
show eval $model --data copied | measured
show run files.yaml -q --dir third -o data.seed=3 >/dev/null
"$DECANT" eval third/files/net/model.safetensors --data own/arrays | grep -o '[0-9]* errors in [0-9]*'
mv copied/cat/11.png copied/cat/a.png
show eval $model --data copied
mv copied/cat/a.png copied/cat/11.png
show lint files.yaml -o data.source.path=./own/pictures -o data.seed=3 -o runs.net.init=$model | grep learnt
show lint files.yaml -o data.source.path=copied -o data.seed=3 -o runs.net.init=$model | grep learnt
show lint files.yaml -o data.source.path=copied -o runs.net.init=$model | grep learnt
cp own/pictures/cat/11.png own/pictures/cat/99.png
show lint files.yaml -o runs.net.init=$model | grep learnt
rm own/pictures/cat/99.png
mkdir semi && cp -r own/pictures semi/train && "$DECANT" run files.yaml -q --dir semi-runs -o data.source.path=semi -o data.unlabelled=0 >/dev/null 2>&1
mkdir semi/unlabelled && cp other/dog/*.png semi/unlabelled
show lint files.yaml -o data.source.path=semi -o data.unlabelled=0 -o runs.net.init=semi-runs/files/net/model.safetensors | grep -e learnt -e " errors*, "
echo "samples of a folder are read as the model's were, and called as the model calls them"
mkdir -p parts/test && cp -r other/dog parts/test && mkdir -p parts/train && cp -r own/pictures/cat own/pictures/dog parts/train
show predict $model parts:test:0 | sed 's/[0-9.]* %/N %/'
show predict $model own/pictures:test:0 own/pictures:train:0 | grep -c %
show predict $model parts:test:99
show predict coloured/files/net/model.safetensors own/pictures:test:0 | grep -c %
echo "names that are no text"
mkdir -p latin && cp -r own/pictures/cat latin/cat && cp -r own/pictures/dog "latin/d$(printf '\366')g"
show lint files.yaml -o data.source.path=latin
"$DECANT" lint "$(printf 'caf\351.yaml')" --json
"$DECANT" predict $model "$(printf 'caf\351.png')" 2>&1
echo "a folder without its format, and a source that says how nothing is read"
show lint files.yaml -o data.source=own
show lint files.yaml -o 'data.source={path: own/pictures, test: 0.25}'
show lint files.yaml -o 'data.source={formt: images, path: own/pictures}'
