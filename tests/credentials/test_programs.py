"""What known programs are told: a secret is masked by the option or the place that it has there."""

from __future__ import annotations

import shlex

import pytest

from twinkle_notifier.credentials.command_line import shown

# A ⏎ stands for a line break.
MASKED = r"""
mysql --password pw => mysql --password ***
MYSQL_PWD=pw mysql -u me => MYSQL_PWD=*** mysql -u me
redis-cli -h h -a pw ping => redis-cli -h h -a *** ping
redis-cli --pass pw ping => redis-cli --pass *** ping
redis-cli -u redis://me:pw@h => redis-cli -u 'redis://me:***@h'
mongosh -u me -p pw h => mongosh -u me -p *** h
mongosh --password pw => mongosh --password ***
ldapsearch -x -D cn=me -w pw => ldapsearch -x -D cn=me -w ***
ldapsearch -xw pw => ldapsearch -xw ***
ldappasswd -s new -a old => ldappasswd -s *** -a ***
ftp ftp://me:pw@h => ftp 'ftp://me:***@h'
ncftp -u me -p pw h => ncftp -u me -p *** h
ncftpget -p pw h => ncftpget -p *** h
smbclient //h/s pw => smbclient //h/s ***
smbclient -Ume%pw //h/s => smbclient -Ume%*** //h/s
smbclient --user=me%pw //h/s => smbclient --user=me%*** //h/s
smbclient --password=pw //h/s => smbclient --password=*** //h/s
smbmap -u me -p pw -H h => smbmap -u me -p *** -H h
docker login -u me -p pw => docker login -u me -p ***
docker login -u me --password pw => docker login -u me --password ***
docker login --password=pw -u me => docker login --password=*** -u me
podman login -p=pw h => podman login -p=*** h
docker run -e WANDB_API_KEY=K -e HF_TOKEN=K img => docker run -e WANDB_API_KEY=*** -e HF_TOKEN=*** img
docker run --env API_KEY=K img => docker run --env API_KEY=*** img
docker build --build-arg TOKEN=K . => docker build --build-arg TOKEN=*** .
huggingface-cli login --token=K => huggingface-cli login --token=***
hf login K => hf login ***
wandb login KEY => wandb login ***
wandb login --key KEY => wandb login --key ***
wandb login --relogin --host=https://h KEY => wandb login --relogin --host=https://h ***
swanlab login -k KEY => swanlab login -k ***
swanlab login --api-key KEY => swanlab login --api-key ***
swanlab login -kKEY => swanlab login -k***
ossutil config -e e -i AK -k SK => ossutil config -e e -i *** -k ***
ossutil -i AK -k SK cp a b => ossutil -i *** -k *** cp a b
ossutil64 cp a b -i AK -k SK -t STS => ossutil64 cp a b -i *** -k *** -t ***
obsutil config -i=AK -k=SK -e=e => obsutil config -i=*** -k=*** -e=e
obsutil config -i=AK -k=SK -t=TOK => obsutil config -i=*** -k=*** -t=***
aws configure set aws_secret_access_key SK => aws configure set aws_secret_access_key ***
aws configure set default.aws_secret_access_key SK => aws configure set default.aws_secret_access_key ***
aws --profile p configure set aws_session_token T => aws --profile p configure set aws_session_token ***
mc alias set m https://h AK SK => mc alias set m https://h *** ***
mc alias set m https://h AK SK --api S3v4 => mc alias set m https://h *** *** --api S3v4
mc config host add m https://h AK SK => mc config host add m https://h *** ***
mc admin user add m me SECRET => mc admin user add m me ***
kaggle config set -n key -v KEY => kaggle config set -n key -v ***
kaggle config set --name key --value KEY => kaggle config set --name key --value ***
coscmd config -a AK -s SK -b b => coscmd config -a *** -s *** -b b
coscli config set --secret_id A --secret_key K => coscli config set --secret_id A --secret_key ***
tccli configure set secretKey K => tccli configure set secretKey ***
aliyun configure set --sts-token K => aliyun configure set --sts-token ***
qshell account AK SK name => qshell account *** *** name
qshell account -- AK SK name => qshell account -- *** *** name
rclone obscure pw => rclone obscure ***
rclone rcd --rc-user me --rc-pass pw => rclone rcd --rc-user me --rc-pass ***
s3cmd --access_key=A --secret_key=K ls => s3cmd --access_key=*** --secret_key=*** ls
s3cmd --access_key A --secret_key K ls => s3cmd --access_key *** --secret_key *** ls
azcopy copy a 'https://h/x?sig=abc%3D&se=1' => azcopy copy a 'https://h/x?sig=***&se=1'
az login --service-principal -u id -p pw --tenant t => az login --service-principal -u id -p *** --tenant t
az storage blob upload --account-key K --sas-token S => az storage blob upload --account-key K --sas-token ***
glab auth login --token K => glab auth login --token ***
pip install --index-url https://me:pw@h/simple x => pip install --index-url 'https://me:***@h/simple' x
twine upload -u me -p pw dist/a => twine upload -u me -p *** dist/a
twine upload --username me --password pw dist/a => twine upload --username me --password *** dist/a
npm config set //h/:_authToken K => npm config set //h/:_authToken ***
npm set //h/:_authToken=K => npm set //h/:_authToken=***
helm registry login -u me -p pw h => helm registry login -u me -p *** h
helm install a b --set auth.password=pw,api.key=K => helm install a b --set auth.password=***
kubectl --token=K get pods => kubectl --token=*** get pods
kubectl config set-credentials me --token=K => kubectl config set-credentials me --token=***
kubectl config set-credentials me --password=pw => kubectl config set-credentials me --password=***
oc login -u me -p pw https://h => oc login -u me -p *** https://h
oc login --token=K https://h => oc login --token=*** https://h
vault kv put secret/a password=pw => vault kv put secret/a password=***
vault kv put secret/a v=pw => vault kv put secret/a v=***
vault login token=K => vault login ***
vault write auth/userpass/login/me password=pw => vault write auth/userpass/login/me password=***
consul kv put -token=K a b => consul kv put -token=*** a b
etcdctl --user me:pw get a => etcdctl --user me:*** get a
etcdctl --user=root:pw get a => etcdctl --user=root:*** get a
clickhouse-client --password pw => clickhouse-client --password ***
clickhouse-client --user me --password=pw -q 'select 1' => clickhouse-client --user me --password=*** -q 'select 1'
influx -username me -password pw => influx -username me -password ***
sqlplus me/pw@h => sqlplus 'me/***@h'
sqlcmd -S h -U sa -P pw => sqlcmd -S h -U sa -P ***
bcp t out f -Usa -Ppw => bcp t out f -Usa -P***
impdp me/pw dumpfile=a => impdp me/*** dumpfile=a
cqlsh -u me -p pw h => cqlsh -u me -p *** h
beeline -u jdbc:hive2://h -n me -p pw => beeline -u jdbc:hive2://h -n me -p ***
gpg --batch --passphrase pw -c a => gpg --batch --passphrase *** -c a
openssl rsa -passin pass:pw -in a => openssl rsa -passin *** -in a
openssl enc -aes-256-cbc -pass pass:pw -in a => openssl enc -aes-256-cbc -pass *** -in a
openssl pkcs12 -password pass:pw => openssl pkcs12 -password ***
htpasswd -nb me pw => htpasswd -nb me ***
mkpasswd pw => mkpasswd ***
useradd -p HASH me => useradd -p *** me
usermod -p HASH me => usermod -p *** me
ipmitool -U me -P pw x => ipmitool -U me -P *** x
snmpget -v3 -A pw -X pw h => snmpget -v3 -A *** -X *** h
snmpwalk -v 2c -c community h => snmpwalk -v 2c -c *** h
nmcli dev wifi connect s password pw => nmcli dev wifi connect s password ***
wpa_passphrase ssid pw => wpa_passphrase ssid ***
xfreerdp /u:me /p:pw /v:h => xfreerdp /u:me /p:*** /v:h
rdesktop -u me -p pw h => rdesktop -u me -p *** h
vncviewer -passwd f => vncviewer -passwd ***
plink -pw pw h => plink -pw *** h
pscp -pw pw a h: => pscp -pw *** a h:
lftp sftp://me:pw@h => lftp 'sftp://me:***@h'
aria2c --header='Authorization: Bearer K' u => aria2c --header=Authorization: *** u
skopeo copy --src-creds me:pw --dest-creds=me:pw a b => skopeo copy --src-creds *** --dest-creds=*** a b
skopeo login -p pw h => skopeo login -p *** h
crane auth login -u me -p pw h => crane auth login -u me -p *** h
terraform apply -var db_password=pw -var 'token=K' => terraform apply -var db_password=*** -var token=***
neptune sync --api-token K => neptune sync --api-token ***
comet login --api-key K => comet login --api-key ***
dvc remote modify r password pw => dvc remote modify r password ***
dvc remote modify r secret_access_key K => dvc remote modify r secret_access_key ***
mlflow server --backend-store-uri mysql://me:pw@h/db => mlflow server --backend-store-uri 'mysql://me:***@h/db'
clearml-init --key K => clearml-init --key ***
ngc config set --api-key K => ngc config set --api-key ***
ngrok authtoken K => ngrok authtoken ***
ngrok config add-authtoken K => ngrok config add-authtoken ***
cloudflared tunnel run --token K => cloudflared tunnel run --token ***
tailscale up --authkey K => tailscale up --authkey ***
tailscale up --auth-key=K => tailscale up --auth-key=***
cpolar authtoken K => cpolar authtoken ***
ray start --redis-password pw --redis-password=pw => ray start --redis-password *** --redis-password=***
label-studio start --password pw --user-token K => label-studio start --password *** --user-token ***
modelscope login --token K => modelscope login --token ***
modelscope login --token=K => modelscope login --token=***
openi login -t K => openi login -t ***
openxlab login -k K => openxlab login -k ***
openxlab login --ak K --sk K => openxlab login --ak *** --sk ***
replicate auth login --token K => replicate auth login --token ***
vastai set api-key K => vastai set api-key ***
runpodctl config --apiKey K => runpodctl config --apiKey ***
runpodctl config --apiKey=K => runpodctl config --apiKey=***
lambda --apikey K => lambda --apikey ***
python -m wandb login K => python -m wandb login ***
python3 -m twine upload -u me -p pw d => python3 -m twine upload -u me -p *** d
bash -c 'docker login --password-stdin <<< pw' => bash -c docker login --password-stdin <<< ***
bash -c 'sudo -S x <<<"p w"' => bash -c sudo -S x ***
docker exec db mysql -u root -ppw => docker exec db mysql -u root -p***
kubectl exec db -- mongosh -p pw => kubectl exec db -- mongosh -p ***
sshpass -p pw ssh -p 22 h => sshpass -p *** ssh -p 22 h
curl -u 9f8e7d6c5b4a3210: https://x.org => curl -u '***:' https://x.org
mysqladmin -u me password pw => mysqladmin -u me password ***
redis-cli config set requirepass pw => redis-cli config set requirepass ***
redis-cli -h h AUTH pw => redis-cli -h h AUTH ***
htpasswd -cb f me pw => htpasswd -cb f *** ***
poetry config http-basic.a me pw => poetry config http-basic.a me ***
poetry config pypi-token.a K => poetry config pypi-token.a ***
gh secret set A --body K => gh secret set A --body ***
mc alias set --api S3v4 m h AK SK => mc alias set --api S3v4 m h *** ***
bash -c 'mc alias set m http://h AK SK; mc cp -r a m/b' => bash -c 'mc alias set m http://h *** ***; mc cp -r a m/b'
smbclient -N //h/s pw => smbclient -N //h/s ***
mysql -e "create user a identified by 'pw'" => mysql -e 'create user a identified by '"'"'***'"'"''
zip -r code.zip train.py -P pw => zip -r code.zip train.py -P ***
zip -r code.zip src/a.py src/b.py -P pw => zip -r code.zip src/a.py src/b.py -P ***
zip python train.py -P pw => zip python train.py -P ***
zip -r code.zip git -P pw => zip -r code.zip git -P ***
7z a x.7z train.py -ppw => 7z a x.7z train.py -p***
rar a -r a.rar run.py -hppw => rar a -r a.rar run.py -hp***
unzip -o a.zip train.py -P pw => unzip -o a.zip train.py -P ***
curl -o train.py -b session=abc u => curl -o train.py -b session=*** u
curl -o git -b session=abc u => curl -o git -b session=*** u
curl -T model.py -u me:pw u => curl -T model.py -u me:*** u
wget -O run.py --header 'X-Token: K' u => wget -O run.py --header X-Token: *** u
env CONF=conf.py ldapsearch -w pw => env CONF=conf.py ldapsearch -w ***
CONF=conf.py ldapsearch -w pw => CONF=conf.py ldapsearch -w ***
docker run -v a.py:/a.py -v /usr/bin/python:/p -v b.py:/b.py img mysql -ppw => docker run -v a.py:/a.py -v /usr/bin/python:/p -v b.py:/b.py img mysql -p***
srun --bcast train.py mysql -ppw => srun --bcast train.py mysql -p***
timeout -k 5 60 twine upload setup.py -p pw => timeout -k 5 60 twine upload setup.py -p ***
python -m twine upload setup.py -p pw => python -m twine upload setup.py -p ***
python -m awscli configure set aws_secret_access_key K => python -m awscli configure set aws_secret_access_key ***
mysql -u git -ppw => mysql -u git -p***
oc login -u git -p pw h => oc login -u git -p *** h
docker login -u rsync -p pw h => docker login -u rsync -p *** h
kaggle config set -n train.py -v K => kaggle config set -n train.py -v ***
sshpass -p pw python train.py -p 8 => sshpass -p *** python train.py -p 8
mosquitto_pub -f log.py -P pw => mosquitto_pub -f log.py -P ***
bash -c 'python prepare.py⏎7z x d.7z -ppw⏎python train.py' => bash -c 'python prepare.py⏎7z x d.7z -p***⏎python train.py'
bash -c 'python prepare.py⏎wandb login K⏎python train.py -p 8' => bash -c 'python prepare.py⏎wandb login ***⏎python train.py -p 8'
bash -c 'python a.py;⏎  redis-cli -a pw ping &&⏎python b.py' => bash -c 'python a.py;⏎  redis-cli -a *** ping &&⏎python b.py'
bash -c 'cd a⏎echo pw |⏎ sudo -S x' => bash -c 'cd a⏎echo *** |⏎ sudo -S x'
bash -c 'mysql --password \⏎  pw' => bash -c mysql --password \⏎  ***
bash -c 'zip -r c.zip \⏎  train.py \⏎  -P pw' => bash -c zip -r c.zip \⏎  train.py \⏎  -P ***
bash -c 'python a.py `7z x d.7z -ppw`' => bash -c 'python a.py `7z x d.7z -p***`'
bash -c '7z x d.7z 2>&1 -ppw' => bash -c 7z x d.7z 2>&1 -p***
bash -c 'if ./check.py⏎then "$BIN/mysql" -ppw⏎fi' => bash -c 'if ./check.py⏎then "$BIN/mysql" -p***⏎fi'
ssh h 'python a.py⏎curl -b sid=abc u' => ssh h 'python a.py⏎curl -b sid=*** u'
x --args '--password⏎pw⏎--lr⏎1' => x --args '--password⏎***⏎--lr⏎1'
"""
HARMLESS = r"""
python -m http.server -a x
bash -c 'read -r a <<< b'
docker run -p 8080:80 -v /a:/b --shm-size 8g -w /work img python train.py -p 8
docker run --name mongo -d img
docker build -t login .
docker compose -p proj up
kubectl create secret generic s
kubectl create token sa
kubectl config set-context c --namespace n
kubectl exec -it pod -- python train.py -p 8
ssh login -p 22 -t htop
ssh -p 2222 login.h.org 'cd a && python train.py -p 8'
sshpass -e ssh -p 22 h
scp -P 22 a login:b
rsync -a -e 'ssh -p 22' a@h:/b c
git clone git@github.com:a/b.git
git config user.name me
git config --get user.password
git commit -m 'fix key: none'
aws s3 cp a s3://b/c
aws configure set region eu
mc alias list
mc cp -r m/a b
ossutil cp a oss://b -r -j 8
wandb sync -p proj --id 1
wandb login
wandb login --relogin
huggingface-cli download a/b --revision main
hf upload a/b . --token env:HF_TOKEN
kaggle datasets download -d a/b -p out
gh pr create -b text -t title
pip install torch==2.5.1 -i https://h.org/simple
conda create -n a python=3.11 -y
psql -U me -d db -p 5432 -c 'select 1'
redis-cli -p 6379 get a:b
unzip a.zip -d b
./train.py --format zip -P 8 -k 5
train.py --optim mysql -p8
A=1 ./train.py --format zip -P 8
nohup ./train.py --format zip -P 8
env A=1 /a/b/train.py --format rar -p 8
python -u -W ignore -X dev train.py --format zip -P 8
python3.12 -O -- train.py --http http -a sgd
/opt/conda/bin/python train.py --archive 7z -p8
torchrun --standalone --nproc-per-node=8 --rdzv-endpoint h:1 train.py --format zip -P 8
accelerate launch --multi_gpu --config_file c.yaml train.py --format zip -P 8
deepspeed --include localhost:0,1 train.py --format zip -P 8
srun -n 8 --gres gpu:8 python train.py --format zip -P 8
docker run --gpus all img python train.py --format zip -P 8
sshpass -e ssh h python train.py -p 8
sshpass -e ssh -p 22 git
python -m pdb train.py --format zip -P 8
pypy3 train.py --format zip -P 8
python prepare.py config.py --format zip -P 8
zip -r code.zip train.py -x b.py
git add train.py -p
tar czf code.tgz train.py -C a
curl -o train.py -X GET https://h.org/train.py
CONF=conf.py python train.py -p 8
bash -c 'python a.py⏎python train.py -p 8'
bash -c 'python train.py \⏎  --format zip \⏎  -P 8'
bash -c 'cd a⏎torchrun --nproc 8 train.py -k 5 &> log 2>&1 -p 8'
bash -c 'mkdir -p a⏎git push -u origin main⏎ssh -p 22 h'
bash -c 'echo start |⏎tee log⏎for i in 1 2; do⏎  ./train.py --format zip -P 8⏎done'
ssh login -p 22 -i key.py
x --prompt 'set the⏎words: please'
"""


def rows(text: str) -> list[str]:
    return [row.replace("⏎", "\n") for row in text.strip().splitlines()]


@pytest.mark.parametrize("row", rows(MASKED))
def test_what_a_program_is_told_is_masked(row: str) -> None:
    command, _, wanted = row.partition(" => ")
    assert shown(shlex.split(command)) == wanted


@pytest.mark.parametrize("row", rows(HARMLESS))
def test_what_a_program_is_told_otherwise_stays(row: str) -> None:
    """Of the same options in other programs, too."""
    assert shlex.split(shown(shlex.split(row))) == shlex.split(row)
