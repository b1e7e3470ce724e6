"""How a command line is shown: without its secrets, and otherwise as it is."""

from __future__ import annotations

import shlex
import time

import pytest

from twinkle_notifier.credentials.command_line import shown
from twinkle_notifier.messages.sanitize import line
from twinkle_notifier.supervisor.exit_report import ExitReport

MASKED = r"""
x --wandb-key 0123 --lr 1 => x --wandb-key *** --lr 1
x --api-token=0123 'a b' => x --api-token=*** 'a b'
x +wandb.key=K => x +wandb.key=***
x ++logger.wandb.api_key=abc => x ++logger.wandb.api_key=***
x trainer.logger.api_key=abc lr=1 => x trainer.logger.api_key=*** lr=1
x --key K --my-key x7Kq2mP9vT4w => x --key *** --my-key ***
x --wandb K => x --wandb ***
x --password=pw => x --password=***
x --password pw => x --password ***
x --passwd pw --pw pw --pwd pw --pass pw => x --passwd *** --pw *** --pwd *** --pass ***
x --secret s --client-secret s --secret-key s => x --secret *** --client-secret *** --secret-key ***
x --hf_token K --token K --access-token K => x --hf_token *** --token *** --access-token ***
env WANDB_API_KEY=K python train.py => env WANDB_API_KEY=*** python train.py
env AWS_SECRET_ACCESS_KEY=a/b+c python train.py => env AWS_SECRET_ACCESS_KEY=*** python train.py
env 'API_KEY=p w' python train.py => env API_KEY=*** python train.py
curl -u me:pw https://x.org => curl -u me:*** https://x.org
curl -u 'me:p w' https://x.org => curl -u me:*** https://x.org
curl --user=me:pw https://x.org => curl --user=me:*** https://x.org
curl -ume:pw https://x.org => curl -ume:*** https://x.org
/usr/bin/curl -s -x h:1 --proxy-user me:pw https://x.org => /usr/bin/curl -s -x h:1 --proxy-user me:*** https://x.org
curl -b sid=abc https://x.org => curl -b sid=*** https://x.org
curl --cookie 'sid=abc; t=1' https://x.org => curl --cookie sid=*** https://x.org
curl -H 'Cookie: a=b' https://x.org => curl -H Cookie: *** https://x.org
curl -H 'Authorization: Bearer abc' https://x.org => curl -H Authorization: *** https://x.org
curl -H 'PRIVATE-TOKEN: abc' https://x.org => curl -H PRIVATE-TOKEN: *** https://x.org
curl --oauth2-bearer abc https://x.org => curl --oauth2-bearer *** https://x.org
curl https://me:pw@x.org/a => curl 'https://me:***@x.org/a'
wget --user=me --password=pw https://x.org => wget --user=me --password=*** https://x.org
wget --header='Authorization: Basic abc' https://x.org => wget --header=Authorization: *** https://x.org
http -a me:pw https://x.org => http -a me:*** https://x.org
mysql -u me -ppw db => mysql -u me -p*** db
mysqldump -h h '-pp w' db => mysqldump -h h -p*** db
sshpass -p pw ssh h => sshpass -p *** ssh h
sshpass -ppw ssh h => sshpass -p*** ssh h
sshpass -p 'p w' ssh h => sshpass -p *** ssh h
sshpass -vp pw ssh h => sshpass -vp *** ssh h
sudo sshpass -v -ppw scp a h:b => sudo sshpass -v -p*** scp a h:b
python train.py '+wandb={key: K, project: p}' => python train.py +wandb=***
python train.py +swanlab.key=K ++comet.key=K => python train.py +swanlab.key=*** ++comet.key=***
curl -fsSLu me:pw https://x.org => curl -fsSLu me:*** https://x.org
curl -kume:pw https://x.org => curl -kume:*** https://x.org
curl -sb sid=abc https://x.org => curl -sb sid=*** https://x.org
curl -E c.pem:pw https://x.org => curl -E c.pem:*** https://x.org
curl --cert=c.pem:pw https://x.org => curl --cert=c.pem:*** https://x.org
http -A bearer -a abc x.org => http -A bearer -a *** x.org
mysql -uroot '-pp@ss w0rd' db => mysql -uroot -p*** db
mysql -Nsppw -e 'select 1' => mysql -Nsp*** -e 'select 1'
mysql --user me --password=pw => mysql --user me --password=***
mariadb-dump -u me -ppw db => mariadb-dump -u me -p*** db
mysqlimport -ppw db f.txt => mysqlimport -p*** db f.txt
mycli -u me -p pw => mycli -u me -p ***
unrar x -ppw a.rar => unrar x -p*** a.rar
rar a -hppw a.rar b => rar a -hp*** a.rar b
ncftpput -u me -p pw h . f => ncftpput -u me -p *** h . f
bcp t out f -U sa -P pw => bcp t out f -U sa -P ***
openssl enc -aes-256-cbc -k pw -in a => openssl enc -aes-256-cbc -k *** -in a
keytool -list -storepass pw => keytool -list -storepass ***
ssh-keygen -t rsa -N pw -f k => ssh-keygen -t rsa -N *** -f k
vault login K => vault login ***
aws configure set aws_secret_access_key K => aws configure set aws_secret_access_key ***
bash -c 'curl -sSu me:pw https://x.org | tar x' => bash -c 'curl -sSu me:*** https://x.org | tar x'
wandb login K => wandb login ***
wandb login --relogin K => wandb login --relogin ***
wandb login --host https://wandb.me K => wandb login --host https://wandb.me ***
huggingface-cli login --token K => huggingface-cli login --token ***
hf auth login --token K => hf auth login --token ***
modelscope login K => modelscope login ***
docker login -u me -p pw h => docker login -u me -p *** h
redis-cli -a pw ping => redis-cli -a *** ping
mongosh -p pw h => mongosh -p *** h
zip -P pw a.zip b => zip -P *** a.zip b
7z x -ppw a.7z => 7z x -p*** a.7z
ldapsearch -w pw -x => ldapsearch -w *** -x
smbclient -U me%pw //h/s => smbclient -U me%*** //h/s
lftp -u me,pw h => lftp -u me,*** h
openssl enc -passin 'pass:p w' => openssl enc -passin ***
kubectl create secret generic s --from-literal=k=v => kubectl create secret generic s --from-literal=k=***
bash -c 'API_KEY=K python train.py' => bash -c 'API_KEY=*** python train.py'
bash -c 'wandb login K && python train.py' => bash -c 'wandb login *** && python train.py'
bash -c 'curl -b sid=abc https://x.org; git checkout -b a=b' => bash -c 'curl -b sid=*** https://x.org; git checkout -b a=b'
bash -c "mysql -ppw < a.sql; mkdir -p b" => bash -c 'mysql -p*** < a.sql; mkdir -p b'
bash -c 'sshpass -p "p w" ssh h' => bash -c 'sshpass -p *** ssh h'
bash -c "curl -u 'me:p w' https://x.org" => bash -c 'curl -u '"'"'me:***'"'"' https://x.org'
sh -c 'export HF_TOKEN=hf_abc; exec python train.py' => sh -c 'export HF_TOKEN=***; exec python train.py'
srun sshpass -p pw ssh h => srun sshpass -p *** ssh h
x --config '{"wandb":{"key":"K"}}' => x --config '{"wandb":{"key":"***"}}'
x '--config={"wandb": {"init": {"a": 1}, "key": "K"}}' => x '--config={"wandb": {"init": {"a": 1}, "key": "***"}}'
x --config '{wandb: {project: p, key: K}, lr: 1}' => x --config '{wandb: {project: p, key: ***}, lr: 1}'
x --config "{'a': {'key': 'x7Kq2mP9vT4wx7Kq'}}" => x --config '{'"'"'a'"'"': {'"'"'key'"'"': '"'"'***'"'"'}}'
x --config '{"db": {"pass": "hunter"}, "auth": {"user": "me"}}' => x --config '{"db": {"pass": "***"}, "auth": {"user": "me"}}'
x --secrets K --lr 1 => x --secrets *** --lr 1
x --secrets=K --my-secrets K => x --secrets=*** --my-secrets ***
x --password -x --lr 1 => x --password *** --lr 1
x --token -x=y --secret=-x => x --token *** --secret=***
x --pass-phrase K --passphrase K --pass_phrase=K => x --pass-phrase *** --passphrase *** --pass_phrase=***
x --api_keys a,b --api-keys=a,b => x --api_keys *** --api-keys=***
x --api-keys a b c --lr 1 => x --api-keys *** *** *** --lr 1
x --keys x7Kq2mP9vT4w,x7Kq2mP9vT4v --key1 x7Kq2mP9vT4w => x --keys *** --key1 ***
x --tokens K --access-tokens=a,b => x --tokens *** --access-tokens=***
x --bearer K --bearer=K => x --bearer *** --bearer=***
x --user me:pw --login me:pw -u me:pw => x --user me:*** --login me:*** -u me:***
x --user=me:pw --login=me:pw -u=me:pw => x --user=me:*** --login=me:*** -u=me:***
x --smtp-user me:pw --db.user=me:12 => x --smtp-user me:*** --db.user=me:***
x --proxy me:pw@h:3128 --proxy=me:pw@h => x --proxy 'me:***@h:3128' '--proxy=me:***@h'
x +a.b.key=K a.key=hunter2 a.password=pw => x +a.b.key=*** a.key=*** a.password=***
x +wandb.key=hunter => x +wandb.key=***
x 'a.api_keys=[a,b]' => x a.api_keys=***
x --cookies a=b => x --cookies ***
env MY_SECRETS=K A=1 python x => env MY_SECRETS=*** A=1 python x
bash -lc 'x --login me:pw; y' => bash -lc 'x --login me:***; y'
bash -c "bash -c 'x --user me:pw --lr 1'" => bash -c 'bash -c '"'"'x --user me:*** --lr 1'"'"''
ssh h 'A=1 WANDB_API_KEY=K python x' => ssh h 'A=1 WANDB_API_KEY=*** python x'
ssh h "A=1 bash -c 'x --login me:pw --lr 1'" => ssh h 'A=1 bash -c '"'"'x --login me:*** --lr 1'"'"''
ssh h 'API_KEY=K python x' => ssh h API_KEY=***
watch 'wandb login K && x' => watch 'wandb login *** && x'
x --header 'Authorization: Bearer K' '--header=X-Api-Key: K' => x --header Authorization: Bearer *** --header=X-Api-Key: ***
x --dsn 'host=h password=pw port=1' => x --dsn 'host=h password=*** port=1'
x --url https://me:pw@h/x --db=postgres://me:pw@h/x => x --url 'https://me:***@h/x' '--db=postgres://me:***@h/x'
twinkle-notifier run --to https://x.org/send?access_token=abc123 -- x => twinkle-notifier run --to https://x.org/send?access_token=*** -- x
x --aksk a:b => x --aksk ***
x --aksk=a:b --ak a --ak=x => x --aksk=*** --ak *** --ak=***
x --pat x --github-pat x --gitlab_pat=x => x --pat *** --github-pat *** --gitlab_pat=***
x --wandb_login 0123456789abcdef0123456789abcdef01234567 => x --wandb_login ***
x --login 0123456789abcdef0123456789abcdef01234567 => x --login ***
x '{"logger":[{"key":"abc123"}]}' => x '{"logger":[{"key":"***"}]}'
x --cfg '{"logger":[{"key":"abc123"}]}' => x --cfg '{"logger":[{"key":"***"}]}'
x --cfg '{"a":[{"key":"abc123"}]}' => x --cfg '{"a":[{"key":"***"}]}'
env MYSQL_PWD=pw mysql -u me => env MYSQL_PWD=*** mysql -u me
env PGPASSWORD=pw psql -U me => env PGPASSWORD=*** psql -U me
psql postgresql://me:pw@h/db => psql 'postgresql://me:***@h/db'
psql 'host=h user=me password=pw' => psql host=h user=me password=***
env SSHPASS=pw sshpass -e ssh h => env SSHPASS=*** sshpass -e ssh h
env RSYNC_PASSWORD=pw rsync a h::b => env RSYNC_PASSWORD=*** rsync a h::b
env REDISCLI_AUTH=pw redis-cli => env REDISCLI_AUTH=*** redis-cli
mount -t cifs -o username=me,password=pw //h/s /m => mount -t cifs -o username=me,password=*** //h/s /m
mount.cifs //h/s /m -o user=me,pass=pw => mount.cifs //h/s /m -o user=me,pass=***
git clone https://me:K@github.com/a/b => git clone 'https://me:***@github.com/a/b'
git -c http.extraHeader='Authorization: Basic abc' clone u => git -c http.extraHeader=Authorization: Basic *** clone u
git config user.password pw => git config user.password ***
git remote set-url origin https://oauth2:K@h/a.git => git remote set-url origin 'https://oauth2:***@h/a.git'
hadoop fs -Dfs.s3a.secret.key=K -ls s3a://x => hadoop fs -Dfs.s3a.secret.key=*** -ls s3a://x
java -Djavax.net.ssl.keyStorePassword=pw -jar a.jar => java -Djavax.net.ssl.keyStorePassword=*** -jar a.jar
java -Dpassword=pw -Dhttp.proxyPassword=pw A => java -Dpassword=*** -Dhttp.proxyPassword=*** A
echo pw | sudo -S x => echo *** '|' sudo -S x
bash -c 'echo pw | sudo -S x' => bash -c 'echo *** | sudo -S x'
bash -c 'echo hunter2 | docker login --password-stdin' => bash -c 'echo *** | docker login --password-stdin'
wget --http-password=pw --ftp-password pw u => wget --http-password=*** --ftp-password *** u
wget --post-data 'user=me&password=pw' u => wget --post-data user=me&password=*** u
curl -d 'user=me&password=pw' u => curl -d user=me&password=*** u
curl --data-urlencode 'token=K' u => curl --data-urlencode token=*** u
curl -F token=K u => curl -F token=*** u
curl -d '{"password":"pw"}' u => curl -d '{"password":"***"}' u
curl --proxy-user=me:pw u => curl --proxy-user=me:*** u
curl --pass pw --cert c u => curl --pass *** --cert c u
curl --proxy-header 'Proxy-Authorization: Basic abc' u => curl --proxy-header Proxy-Authorization: *** u
curl -H 'X-Auth: abc' -H 'X-My-Thing: abc' u => curl -H X-Auth: *** -H 'X-My-Thing: abc' u
http --auth=me:pw u => http --auth=me:*** u
http -A basic -ame:pw u => http -A basic -ame:*** u
jupyter notebook --NotebookApp.password=sha1:abc => jupyter notebook --NotebookApp.password=***
x --app-key abc --app_key=abc --appKey abc => x --app-key *** --app_key=*** --appKey ***
x --credentials K --creds me:pw --cred K => x --credentials *** --creds *** --cred ***
x --email-pwd pw --smtp_pass pw --smtp-pw pw => x --email-pwd *** --smtp_pass *** --smtp-pw ***
x --conn 'Server=h;User Id=me;Password=pw;' => x --conn 'Server=h;User Id=me;Password=***;'
x --connection-string 'AccountName=a;AccountKey=K;EndpointSuffix=c' => x --connection-string ***
x --sas '?sv=1&sig=abc' --sas-token K => x --sas *** --sas-token ***
x --env.WANDB_API_KEY K --env WANDB_API_KEY:K => x --env.WANDB_API_KEY *** --env WANDB_API_KEY:***
torchrun --nproc 8 train.py --oss_ak a --oss_sk b => torchrun --nproc 8 train.py --oss_ak *** --oss_sk ***
deepspeed train.py --wandb_token K => deepspeed train.py --wandb_token ***
x 'wandb: {login: 0123456789abcdef0123456789abcdef01234567}' => x 'wandb: {login: ***}'
x --mnemonic 'a b c' --seed-phrase 'a b c' => x --mnemonic *** --seed-phrase ***
x --passcode 1234 --jwt K --tkn K --psw pw => x --passcode *** --jwt *** --tkn *** --psw ***
x --serial 9f8e7d6c5b4a --feishu 9f8e7d6c-5b4a => x --serial *** --feishu ***
x 'wandb={project: p, key: abc1}' => x wandb=***
x 'a={project: p, key: abc1}' => x 'a={project: p, key: ***}'
x '[{"token": "p w"}]' => x '[{"token": "***"}]'
printf pw '|' sudo -kS id => printf *** '|' sudo -kS id
bash -c 'cd a; echo "p w" | gpg --passphrase-fd 0 b' => bash -c 'cd a; echo *** | gpg --passphrase-fd 0 b'
sftp me:pw@h:/a => sftp 'me:***@h:/a'
"""
HARMLESS = r"""
x --max-tokens 5 --author me
x --max_new_tokens 512 --num-keys 8 --key-dim 64
x --tokenizer bert --pad-token '<pad>' --eos_token '</s>'
x --add-bos-token true --token-type ids
x --passes 3 --bypass yes --keyword a --keyframes 3
x --monitor-key val_loss --image_key img --sort-key name
x --password-file /run/p --secret-name s --auth-type none
x --api-key env:NAME --token file:/run/k
x --wandb true
x --wandb online --lr 1
x --wandb_project llm --wandb-mode offline
x --report_to wandb --run_name a
x --author-email a@b.c --authority x
x --password
x --password --lr 1
x --wandb -b 32
x --max_tokens 512 --num-tokens=2048 --tokens 512 --tokens=1.5e9 --tokens 300B --tokens_per_batch 100
x --max_tokens 512 Qwen2.5-7B-Instruct a b
x --key_size 64 --secret-length 5 --login-timeout 3 --login-timeout 3:00 --keyframes 3
x --user-dir path --user-dir a:b --user-agent a:b --user me --login --bearer-auth true
x --keys input_ids,labels --special_tokens a,b --stop-tokens a b
x host:8080 user:group --chown me:users --chown=me:users a.py:12 a:b 12:30
x --time 1:00:00 --map a:b --bind 0.0.0.0:80 --user 1000:1000 --volumes /a:/b:ro
x -u localhost:8080 -u h.org:80 -u https://x.org/a
rsync -u h:/a b
x data.key=val_loss +model.key_size=64 +data.sort_key=len data.tokens=5 key=len
x --config '{"lr": 1, "optimizer": {"name": "adam", "key": "x"}, "tokens": 512}'
x --config '{"dataset": {"key": "image", "sort_key": "len"}, "s3": {"key": "a/b.json"}}'
x --prompt 'a token of my love, with a key: none'
x --notes 'the secrets: are mounted; tokens: 5'
docker pull a:3.11@sha256:0123abcd
python -u train.py
python -m pkg.train -u 3
git push -u origin main
git checkout -b feature
git checkout -b name=value
mkdir -p a/b
ssh -p 22 h
docker run -p 8080:80 -u 1000:1000 x
srun -p gpu -u python train.py
python train.py -b 32 -k 5 -a sgd -w 0.1
torchrun --rdzv-id 7 --nproc-per-node 8 train.py
curl -b cookies.txt -X POST https://x.org -d a=b
curl -H 'Accept: application/json' https://x.org
curl -fsSLo u.bin https://x.org
curl -E c.pem https://x.org
mysql -Nse 'select 1' db
mariadb-dump -u me -P 3306 db
openssl enc -kfile k -in a
aws configure set region eu-west-1
unrar x a.rar
vault read secret/a
python train.py -p 8 -u 3 -k 5 -N 2
wandb sync --include-online a
hf download org/model --local-dir m
bash -c 'mkdir -p a && git push -u origin main; python -u train.py'
bash -c 'for i in 1 2; do python train.py --seed $i; done'
python train.py -p 8
python train.py --sk-learn true
python train.py --key-bias --key_bias true
python train.py --pad-token-id 0 --eos_token_id 2
python train.py --tokens 4096 --max-tokens 4096
python train.py --patience 3 --pat 5 --pat 0.5
python train.py --pattern a.b --pat 'img_*.png'
python train.py --secret-santa bob
python train.py --sk 3 --ak 2 --model.sk=4
python train.py --task mask --disk 100G --risk high --break-at 5
python train.py --kspace true --skip 5 --skew 0.1 --ask-first
python train.py --pin 1 --pin-memory true --pass 0
python train.py --loss exp data/train --format zip -P 8 -k 5
python train.py --report_to wandb -p 8 -k 5 -t 3
python train.py login -p 8
torchrun --nproc-per-node 8 train.py --name http -a sgd
torchrun -m pkg.train --optim hf -k 5 --config a.yaml
accelerate launch --num_processes 8 train.py --mode set -w 0.1
deepspeed --num_gpus 8 train.py --deepspeed z3.json -p 1
python -m torch.distributed.run --nproc 8 train.py -u 3
python -m mlflow.cli -p 8
python train.py --tokenizer.token bert --data.token w --model.pad.token x
python train.py --signature forward --serial true --license mit
python train.py --session train1 --session-id 5 --login me
python train.py --wandb-id 1a2b3c4d --run-id 9f8e7d6c
python train.py --revision 0123456789abcdef0123456789abcdef01234567
python train.py --commit 0123456789abcdef0123456789abcdef01234567
python train.py '{"lr": 0.1, "keys": ["image", "label"]}'
python train.py '{"logger": [{"name": "wandb", "key": "val_loss"}]}'
python train.py --cfg '{"auth": "none", "wandb": "run-a"}'
python train.py --cfg '{"token": "env:NAME", "sk": 3, "pat": 0.5}'
python train.py --cfg '[1, 2, 3]' --betas '[0.9,0.999]' --shape '(1, 2)'
python train.py optimizer=adam,lr=0.1 a=b,c=d
python train.py 'optimizer={lr: 0.1, key: len}' trainer.max_epochs=3
python train.py '+model.layers=[{type: conv, key: k1/w}]'
python train.py --map a=b,c=d
python train.py --mode set password hint
python train.py --prompt 'set the password please'
python train.py --words create password
python train.py --login-url https://x.org/login --sso-account a
python train.py model=a data=b key=len pattern=x
echo a b '|' tee log
bash -c 'echo start | tee log && python train.py -p 8'
bash -c 'cd a; source b/bin/activate; torchrun --nproc 8 train.py -k 5'
nohup python -u train.py -c cfg.yaml -p 8
srun -p gpu -n 8 -c 4 --gres gpu:8 python train.py -p 1
sbatch --partition gpu -J login job.sh -p 5
taskset -c 0-7 nice -n 5 python train.py
time -p python train.py
env CUDA_VISIBLE_DEVICES=0,1 NCCL_DEBUG=INFO OMP_NUM_THREADS=8 python train.py
env BYPASS=no MULTIPASS=on COMPASS=off TOKENIZERS_PARALLELISM=false x
jupyter nbconvert --to script a.ipynb
ray start --head --port 6379
tensorboard --logdir a --port 6006
sqlite3 a.db 'select key, token from t'
openssl version
xvfb-run -a python a.py
make -j 8 KEY=a PASS=1
"""


def rows(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("row", rows(MASKED))
def test_what_grants_access_is_masked(row: str) -> None:
    """By the option or the program that it belongs to."""
    command, _, wanted = row.partition(" => ")
    assert shown(shlex.split(command)) == wanted


@pytest.mark.parametrize("row", rows(HARMLESS))
def test_other_words_stay(row: str) -> None:
    """Though their options are called alike."""
    assert line(shown(shlex.split(row)), 300).replace("\u200b", "") == row


def test_what_is_masked_is_not_in_the_message() -> None:
    """A secret across the place where the line is cut is masked first."""
    command = ["x", "a" * 280, "--password", "hunter2" * 20]
    text = ExitReport("sft", command, 1, 1.0, 1.0).markdown()
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "word", ["'" * 50_000, "\"'" * 25_000, "a=" * 25_000, "x" * 100_000, "-" * 50_000, "'a" * 20_000]
)
def test_long_words_take_little_time(word: str) -> None:
    """In processor time, with a wide margin."""
    since = time.process_time()
    shown(["bash", "-c", word, word])
    assert time.process_time() - since < 5
