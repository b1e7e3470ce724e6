"""Secrets in a language inside an argument: a shell's script, JSON in it, what `expect` sends, a here-document.

A ⏎ stands for a line break.
"""

from __future__ import annotations

import shlex
import time

import pytest

from twinkle_notifier.credentials.command_line import shown

MASKED = r"""
bash -c 'docker login -u me --password-stdin h <<< hunter2' => bash -c docker login -u me --password-stdin h <<< ***
bash -c 'docker login -u me --password-stdin h <<< "$(cat f)"' => bash -c docker login -u me --password-stdin h <<< ***
bash -c 'docker login -u me --password-stdin h <<EOF⏎hunter2⏎EOF' => bash -c 'docker login -u me --password-stdin h <<EOF⏎***⏎EOF'
bash -c 'docker login -u me --password-stdin h <<-"EOF"⏎	hunter2⏎EOF⏎python train.py' => bash -c 'docker login -u me --password-stdin h <<-"EOF"⏎***⏎EOF⏎python train.py'
bash -c "docker login -u me --password-stdin h <<'EOF'⏎hunter2⏎EOF⏎python train.py -p 8" => bash -c 'docker login -u me --password-stdin h <<'"'"'EOF'"'"'⏎***⏎EOF⏎python train.py -p 8'
bash -c 'cat <<EOF | docker login -u me --password-stdin h⏎hunter2⏎EOF' => bash -c 'cat <<EOF | docker login -u me --password-stdin h⏎***⏎EOF'
bash -c 'cat <<< hunter2 | docker login -u me --password-stdin h' => bash -c 'cat <<< *** | docker login -u me --password-stdin h'
bash -c 'docker login -p <<< hunter2' => bash -c docker login -p <<< ***
bash -c 'docker login -p hunter2 h <<< y' => bash -c docker login -p *** h <<< ***
bash -c 'docker login --password-stdin h < <(echo hunter2)' => bash -c 'docker login --password-stdin h < <(echo ***)'
bash -c 'sudo -S true <<EOF⏎hunter2⏎EOF' => bash -c 'sudo -S true <<EOF⏎***⏎EOF'
bash -c 'chpasswd <<EOF⏎me:hunter2⏎EOF' => bash -c 'chpasswd <<EOF⏎***⏎EOF'
bash -c 'passwd me <<EOF⏎hunter2⏎hunter2⏎EOF' => bash -c 'passwd me <<EOF⏎***⏎***⏎EOF'
bash -c 'gh auth login --with-token <<EOF⏎hunter2⏎EOF⏎python train.py' => bash -c 'gh auth login --with-token <<EOF⏎***⏎EOF⏎python train.py'
bash -c 'helm registry login -u me --password-stdin h <<<hunter2' => bash -c helm registry login -u me --password-stdin h ***
bash -c 'curl -d "{\"api_key\": \"hunter2\"}" https://x.org' => bash -c 'curl -d "{\"api_key\": \"***\"}" https://x.org'
bash -c 'curl -d "{\"user\": \"me\", \"password\": \"hunter2\"}" https://x.org' => bash -c 'curl -d "{\"user\": \"me\", \"password\": \"***\"}" https://x.org'
bash -c "curl -d '{\"api_key\": \"hunter2\"}' https://x.org" => bash -c 'curl -d '"'"'{"api_key": "***"}'"'"' https://x.org'
bash -c 'curl --json "{\"auth\": {\"key\": \"hunter2\"}}" https://x.org' => bash -c 'curl --json "{\"auth\": {\"key\": \"***\"}}" https://x.org'
bash -c "python train.py --cfg '{\"logger\":[{\"key\":\"K7x12\"}]}'" => bash -c 'python train.py --cfg '"'"'{"logger":[{"key":"***"}]}'"'"''
bash -c 'python train.py --cfg "{\"logger\":[{\"key\":\"K7x12\"}]}"' => bash -c 'python train.py --cfg "{\"logger\":[{\"key\":\"***\"}]}"'
bash -c 'python train.py --cfg "{\"wandb\": {\"key\": \"hunter2\"}}"' => bash -c 'python train.py --cfg "{\"wandb\": {\"key\": \"***\"}}"'
ssh h "bash -c 'curl -d \"{\\\"api_key\\\": \\\"hunter2\\\"}\" u'" => ssh h 'bash -c '"'"'curl -d "{\"api_key\": \"***\"}" u'"'"''
ssh h 'curl -d "{\"sk\": \"hunter2\"}" u' => ssh h 'curl -d "{\"sk\": \"***\"}" u'
lftp -e 'open -u me,hunter2 h' => lftp -e 'open -u me,*** h'
lftp -e "open -u me,hunter2 h; mirror a b; quit" => lftp -e 'open -u me,*** h; mirror a b; quit'
lftp -c 'open -u me,hunter2 h; mirror a b' => lftp -c 'open -u me,*** h; mirror a b'
lftp -c "open -u 'me,hunter2' h" => lftp -c 'open -u '"'"'me,***'"'"' h'
lftp -e 'user me hunter2; open h' => lftp -e 'user me ***; open h'
lftp -c 'open sftp://me:hunter2@h' => lftp -c 'open sftp://me:***@h'
expect -c 'send "hunter2\r"' => expect -c send ***
expect -c 'spawn ssh me@h; expect "password:"; send "hunter2\r"; interact' => expect -c 'spawn ssh me@h; expect "password:"; send ***; interact'
expect -c "spawn ssh me@h; expect 'assword'; send -- 'hunter2\r'" => expect -c spawn ssh me@h; expect 'assword'; send -- ***
expect -c 'expect "*?assword*" { send "hunter2\n" }' => expect -c 'expect "*?assword*" { send *** }'
expect -c 'spawn sudo x⏎expect password:⏎send hunter2\r⏎expect eof' => expect -c 'spawn sudo x⏎expect password:⏎send ***⏎expect eof'
bash -c "expect -c 'send \"hunter2\r\"'" => bash -c 'expect -c '"'"'send ***'"'"''
x --aksk ak:hunter2 => x --aksk ***
x --aksk=ak:hunter2 => x --aksk=***
x --pat hunter2 => x --pat ***
x --pat=hunter2 => x --pat=***
x --sk hunter2 => x --sk ***
x --sk hunter => x --sk ***
x -sk hunter2 => x -sk ***
x --sk=sesame => x --sk=***
x '{"logger":[{"key": "K7x"}]}' => x '{"logger":[{"key": "***"}]}'
x '{"logger":[{"key": "K7x1"}]}' => x '{"logger":[{"key": "***"}]}'
x --cfg '{"logger":[{"name":"wandb","key": "K7x1"}]}' => x --cfg '{"logger":[{"name":"wandb","key": "***"}]}'
x '{"logger":[{"key": "hunter2"}]}' => x '{"logger":[{"key": "***"}]}'
x '{"logger": [{"wandb": {"key": "sesame"}}]}' => x '{"logger": [{"wandb": {"key": "***"}}]}'
mysql -e "set password for me = password('hunter2')" => mysql -e 'set password for me = password('"'"'***'"'"')'
mongosh --eval 'db.auth("me", "hunter2")' => mongosh --eval 'db.auth("me", "***")'
mongo admin --eval "db.auth('me','hunter2')" => mongo admin --eval 'db.auth('"'"'me'"'"','"'"'***'"'"')'
ftp -n h <<< 'user me hunter2' => ftp -n h '<<<' user me ***
smbclient //h/s -U me -c 'logon me hunter2' => smbclient //h/s -U me -c logon me ***
srun bash -c 'wandb login hunter2 && python train.py' => srun bash -c 'wandb login *** && python train.py'
jq --arg token hunter2 '.a=$token' f => jq --arg token *** '.a=$token' f
bash -c 'cat > ~/.netrc <<EOF⏎machine h login me password hunter2⏎EOF' => bash -c 'cat > ~/.netrc <<EOF⏎machine h login me password ***⏎EOF'
bash -c 'cat > f <<EOF⏎wandb:⏎  key: hunter2⏎EOF' => bash -c 'cat > f <<EOF⏎wandb:⏎  key: ***⏎EOF'
bash -c 'echo "machine h login me password hunter2" > ~/.netrc' => bash -c 'echo "machine h login me password *** > ~/.netrc'
bash -c 'printf "%s" hunter2 | wandb login --relogin --stdin' => bash -c 'printf *** *** | wandb login --relogin --stdin'
bash -c 'ray job submit --runtime-env-json "{\"env_vars\": {\"WANDB_API_KEY\": \"hunter2\"}}" -- python x' => bash -c 'ray job submit --runtime-env-json "{\"env_vars\": {\"WANDB_API_KEY\": \"***\"}}" -- python x'
x --cfg '"{\"api_key\": \"hunter2\"}"' => x --cfg '"{\"api_key\": \"***\"}"'
x --cfg '{"a": "{\"api_key\": \"hunter2\"}"}' => x --cfg '{"a": "{\"api_key\": \"***\"}"}'
bash -c 'lftp <<EOF⏎open -u me,hunter2 h⏎mirror a b⏎EOF' => bash -c 'lftp <<EOF⏎open -u me,*** h⏎mirror a b⏎EOF'
bash -c 'expect <<"EOF"⏎spawn ssh h⏎expect "password:"⏎send "hunter2\r"⏎EOF⏎python train.py' => bash -c 'expect <<"EOF"⏎spawn ssh h⏎expect "password:"⏎send ***⏎EOF⏎python train.py'
bash -c 'expect <<EOF⏎spawn ssh h⏎expect "Password: " { send "hunter2\r" }⏎EOF' => bash -c 'expect <<EOF⏎spawn ssh h⏎expect "Password: " { send *** }⏎EOF'
bash -c 'ftp -n h <<EOF⏎user me hunter2⏎get a⏎EOF' => bash -c 'ftp -n h <<EOF⏎user me ***⏎get a⏎EOF'
bash -c 'wandb login <<< hunter2' => bash -c wandb login <<< ***
bash -c 'wandb login <<EOF⏎hunter2⏎EOF⏎python train.py' => bash -c 'wandb login <<EOF⏎***⏎EOF⏎python train.py'
bash -c 'echo hunter2 | wandb login && python train.py' => bash -c 'echo *** | wandb login && python train.py'
bash -c 'printf %s hunter2 | huggingface-cli login' => bash -c 'printf *** *** | huggingface-cli login'
bash -c 'docker login -u me -p hunter2 <<EOF⏎a⏎EOF' => bash -c 'docker login -u me -p *** <<EOF⏎***⏎EOF'
bash -c "docker login -u me --password-stdin <<END && python train.py⏎hunter2⏎END" => bash -c 'docker login -u me --password-stdin <<END && python train.py⏎***⏎END'
bash -c 'docker login --password-stdin h < <(printf hunter2)' => bash -c 'docker login --password-stdin h < <(printf ***)'
bash -c 'docker login --password-stdin <<< "hunter2"' => bash -c docker login --password-stdin <<< ***
bash -c "docker login --password-stdin <<<'hun ter2 hunter2'" => bash -c docker login --password-stdin ***
ssh h 'docker login -u me --password-stdin <<< hunter2 && python train.py' => ssh h 'docker login -u me --password-stdin <<< *** && python train.py'
ssh h "cat <<< hunter2 | sudo -S x" => ssh h 'cat <<< *** | sudo -S x'
/usr/bin/expect -c 'spawn ssh h; expect { "yes/no" { send "yes\r"; exp_continue } "assword:" { send "hunter2\r" } }; interact' => /usr/bin/expect -c 'spawn ssh h; expect { "yes/no" { send "yes\r"; exp_continue } "assword:" { send *** } }; interact'
expect -c 'set password "hunter2"; spawn ssh h; send "$password\r"' => expect -c 'set password "***"; spawn ssh h; send "$password\r"'
expect -c 'set timeout 5; send hunter2\r' => expect -c set timeout 5; send ***
expect -c 'expect "assword" {send "hunter2\r"}' => expect -c expect "assword" {send "***
expect -c "send {hunter2}; send \r" => expect -c 'send {***; send \r'
expect -c 'expect "Enter passphrase for key: "; send "sesame\n"' => expect -c expect "Enter passphrase for key: "; send ***
expect -c 'exp_send -- "hunter2\r"' => expect -c exp_send -- ***
sudo expect -c 'spawn su; expect "Password: " {send "marzipan sesame\r"}' => sudo expect -c spawn su; expect "Password: " {send ***
lftp -u me -e 'open -u other,hunter2 sftp://h; ls' => lftp -u me -e 'open -u other,*** sftp://h; ls'
lftp -c "set ssl:verify-certificate no; open -u \"me,hunter2\" h" => lftp -c 'set ssl:verify-certificate no; open -u "me,***" h'
lftp -e 'open h; user me "hunter2"; ls' => lftp -e 'open h; user me ***; ls'
smbclient //h/s -c 'logon me hunter2; ls' => smbclient //h/s -c 'logon me ***; ls'
bash -c 'x --cfg="{\"sk\": \"hunter2\"}"' => bash -c 'x --cfg="{\"sk\": \"***\"}"'
bash -c "x --cfg='{\"sk\": \"hunter2\"}' --lr 1" => bash -c 'x --cfg='"'"'{"sk": "***"}'"'"' --lr 1'
bash -c 'x --cfg "{\"api_keys\": [\"hunter2\"]}"' => bash -c 'x --cfg "{\"api_keys\": [***]}"'
bash -c 'curl -d "user=me&password=hunter2" u' => bash -c 'curl -d "user=me&password=***" u'
bash -c 'x --token="hunter2" --lr 1' => bash -c 'x --token="***" --lr 1'
bash -c "x --token='hunter2'" => bash -c 'x --token='"'"'***'"'"''
bash -c 'export HF_TOKEN="hunter2"; python x' => bash -c 'export HF_TOKEN="***"; python x'
bash -c "HF_TOKEN='hun hunter2' python x" => bash -c 'HF_TOKEN='"'"'***'"'"' python x'
bash -c 'wandb login "hunter2"' => bash -c wandb login ***
bash -c "mysql -u me -p'hunter2' db" => bash -c 'mysql -u me -p*** db'
bash -c 'mysql "-phunter2" db' => bash -c 'mysql "-p***" db'
bash -c 'curl -u "me:hunter2" u' => bash -c 'curl -u "me:***" u'
bash -c 'curl -H "X-Api-Key: hunter2" u' => bash -c 'curl -H "X-Api-Key: ***" u'
bash -c "curl -H 'Cookie: a=hunter2' u" => bash -c 'curl -H '"'"'Cookie: ***'"'"' u'
bash -c 'srun bash -c "docker login -p hunter2 h"' => bash -c 'srun bash -c "docker login -p *** h"'
bash -c "ssh h \"wandb login hunter2 && python train.py\"" => bash -c 'ssh h "wandb login *** && python train.py"'
x --cfg '{"a": "{\"sk\": \"hunter2\"}"}' => x --cfg '{"a": "{\"sk\": \"***\"}"}'
x --cfg '{"a": "{\"b\": \"{\\\"sk\\\": \\\"hunter2\\\"}\"}"}' => x --cfg '{"a": "{\"b\": \"{\\\"sk\\\": \\\"***\\\"}\"}"}'
x --cfg '{"cmd": "curl -u me:hunter2 h"}' => x --cfg '{"cmd": "curl -u me:*** h"}'
jq --arg token hunter2 '.a=$token' f => jq --arg token *** '.a=$token' f
jq -n --arg api_key hunter2 '{$api_key}' => jq -n --arg api_key *** '{$api_key}'
"""
HARMLESS = r"""
bash -c 'cat <<EOF > f⏎lr: 0.1⏎name: a⏎EOF⏎python train.py'
bash -c 'cat <<< hello | tee log'
bash -c 'python - <<EOF⏎print(1)⏎EOF'
bash -c 'python train.py --password-stdin'
bash -c 'curl -d "{\"name\": \"a\", \"lr\": 0.1}" https://x.org'
bash -c 'curl -d "{\"key\": \"val_loss\"}" https://x.org'
bash -c "curl -d '{\"tokens\": 512, \"sk\": 3}' u"
bash -c 'python train.py --cfg "{\"dataset\": {\"key\": \"image\"}}"'
lftp -e 'open h; mirror a b; quit'
lftp -c 'open -u me h; ls'
lftp -e 'mirror -u 3 a,b c'
lftp -f script.lftp
expect -c 'spawn ssh h; expect "yes/no"; send "yes\r"; interact'
expect -c 'expect "$ "; send "ls -l\r"; expect eof'
expect -c 'send "exit\r"'
expect -c 'spawn python train.py; expect eof'
expect script.exp
python eval.py --expect 'send more'
x --prompt 'I expect you to send "flowers" today'
python train.py --sk 3
python train.py --sk sklearn
python train.py --sk true --sk-metric f1
python train.py --pat 5
python train.py --pat 'img_*.png'
python train.py --pat img_%d.png
python train.py --pat '.*\.pt'
python train.py --pat auto
python train.py --pat train
python train.py --aksk env:AKSK
python train.py --aksk
python train.py --key image
python train.py --key input_ids --value labels
python train.py --key label
python train.py '{"logger":[{"key": "val_loss"}]}'
python train.py '{"logger":[{"key": "loss", "mode": "min"}]}'
python train.py '{"metrics":[{"key": "acc1"}, {"key": "f1"}]}'
python train.py '{"cols":[{"key": "image", "value": "a/b1"}]}'
python train.py '{"a":[{"key": "rouge2"}, {"key": "top5"}]}'
python train.py '{"a":[{"key": "acc@1"}, {"key": "mAP"}, {"key": "F1"}]}'
python -c 'import torch; print(torch.cuda.device_count())'
python -c 'd = {"key": "value"}; print(d["key"])'
python -c 'import wandb; wandb.login()'
python -c 'tok = AutoTokenizer.from_pretrained("gpt2"); tok.pad_token = tok.eos_token'
node -e 'console.log(1)'
perl -e 'print "a b"'
psql -c 'select password_hash from t'
psql -c 'select * from users where id = 5'
mongosh --eval 'db.stats()'
mongosh --eval 'db.auths.count()'
tmux send-keys -t a 'python train.py -p 8' Enter
parallel 'python train.py --seed {}' ::: 1 2
find . -name '*.pt' -exec rm {} ;
awk '{print $1}' f
jq '.key' f
jq -r '.tokens[] | select(.key == "a")' f
sed -i 's/lr: .*/lr: 0.1/' f
bash -c 'read -r a b <<< "1 2"; python train.py $a'
bash -c 'while read l; do echo $l; done <<EOF⏎a⏎b⏎EOF'
bash -c 'sudo -n x <<EOF⏎a⏎EOF'
ray job submit --runtime-env-json '{"env_vars": {"NCCL_DEBUG": "INFO"}}' -- python x
x --cfg '{"a": "{\"lr\": 0.1}"}'
expect -c 'spawn ssh h; expect "yes/no"; send "yes\r"; expect eof'
expect -c 'expect "$ "; send "python train.py --lr 0.1\r"; interact'
expect -c 'set timeout 30; spawn x; expect { timeout { exit 1 } eof }'
expect -c 'spawn x; expect "Continue?"; send "y\n"; send "\r"; send "1\r"'
expect -c 'send "$answer\r"'
expect -c 'set name "a"; puts "hello"'
expect -f login.exp a b
python train.py --prompt 'please send "flowers" to me'
python train.py --prompt 'we expect him to send word'
python train.py --user-prompt "open -u is an option"
x --note 'log in as user me today'
lftp -e 'set net:timeout 5; open h; mirror -R a b; bye'
lftp -c 'open -p 22 sftp://h; get a,b'
bash -c 'lftp h <<EOF⏎mirror a b⏎EOF'
bash -c 'cat > c.yaml <<EOF⏎lr: 0.1⏎tokens: 512⏎key: image⏎EOF⏎python train.py --cfg c.yaml'
bash -c 'python - <<EOF⏎import torch⏎print(torch.__version__)⏎EOF⏎python train.py'
bash -c 'echo $((1<<20)); python train.py'
bash -c 'python -S - <<EOF⏎print(1)⏎EOF'
bash -c 'sort -S 1G <<< "b a"'
bash -c 'echo start | tee log; ssh login <<< hostname'
bash -c 'echo a | ssh login cat'
bash -c 'x --cfg="{\"lr\": 0.1, \"name\": \"a\"}"'
bash -c "x --cfg='{\"optimizer\": {\"name\": \"adam\"}}'"
bash -c 'x --name="run a" --note="it is \"fine\""'
bash -c 'echo "a  b" && printf "%s\n" "$HOME"'
bash -c "awk '{print \$1}' f | sort -k 2"
bash -c 'find . -name "*.pt" -exec rm {} \;'
bash -c 'grep -E "a|b" f; ls a\ b'
bash -c "python -c 'd = {\"key\": \"image\"}; print(d[\"key\"])'"
bash -c 'torchrun --nproc-per-node "$N" train.py --run "a-1" --tokens "512"'
bash -c 'export A="b" C="d e"; python train.py'
ssh h 'cd "a b" && python train.py -p "8"'
python train.py --key image --value label
python train.py --key input_ids
python train.py --sk sklearn --sk 0.5
python train.py --pat '^a' --pat 'a|b' --pat .pt --pat auto
python train.py '{"metrics": [{"key": "acc1"}, {"key": "rouge_l"}, {"key": "top5"}]}'
python train.py --cfg '{"a": "{\"lr\": 0.1, \"name\": \"x\"}"}'
python train.py --cfg '{"a": "{b}", "c": "[1]"}'
jq --arg name a --arg lr 0.1 '.a=$name' f
python -c 'print("a" if auth("x") else login())'
python -c 'x = 1 << y⏎print(x)'
sqlite3 a.db 'select password("a")'
"""


def rows(text: str) -> list[str]:
    return [row.replace("⏎", "\n") for row in text.strip().splitlines()]


@pytest.mark.parametrize("row", rows(MASKED))
def test_a_secret_inside_a_script_is_masked(row: str) -> None:
    """And nothing else, so that the script stays readable."""
    command, _, wanted = row.partition(" => ")
    assert shown(shlex.split(command)) == wanted


@pytest.mark.parametrize("row", rows(HARMLESS))
def test_a_script_without_a_secret_stays(row: str) -> None:
    """Letter by letter, with its quotes and its lines."""
    assert shlex.split(shown(shlex.split(row))) == shlex.split(row)


@pytest.mark.parametrize("program", ["bash", "expect", "x"])
@pytest.mark.parametrize(
    "part",
    ["a\n", "<<a\n", '"', '\\"', "'\\", '{"key": "ab1"}, ', '"a b" ', 'send "a" ', '"{\\"b\\": \\"c\\"}"', "a=b,"],
)
def test_a_megabyte_takes_little_time(program: str, part: str) -> None:
    """In processor time, with a wide margin."""
    since = time.process_time()
    shown([program, "-c", part * (1_000_000 // len(part)), *["--key", "x7Kq2mP9vT4w"] * 100_000])
    assert time.process_time() - since < 5


def test_of_a_long_command_the_beginning_is_shown() -> None:
    """What it leaves out is said by an ellipsis."""
    command = shown(["x", "--password", "hunter2", "a" * 30_000, "--lr", "1"])
    assert command.startswith("x --password *** 'aaaa")
    assert command.endswith("a…'")
    assert len(command) < 20_000
