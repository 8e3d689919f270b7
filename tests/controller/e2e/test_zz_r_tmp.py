import json, time, os, yaml, copy
from tests.controller.e2e.test_lifecycle import REGION, STORE, external_secret, ready_world, synced
from tests.controller.e2e.world import World
from tests.waiting import eventually
X="Q\n\x1b[2J\x9bQ\u202e"
def store(name="aws",auth=None,region=REGION,kind="SecretStore",**aws):
    s=yaml.safe_load(STORE); s["kind"]=kind; s["metadata"]["name"]=name
    p=s["spec"]["provider"]["aws"]; p["region"]=region; p.update(aws)
    if auth is not None: p["auth"]=auth
    return s
def test_attack(world: World):
    ready_world(world)
    a=world.namespace; b=f"{a}-b"; world.cluster.make_namespace(b)
    c=world.aws.cloud
    # victim reads with its own key; attacker's key may read nothing
    from testbed.aws.iam import allow
    poor=c.put_user(b, allow=allow("nothing-at-all"))
    world.apply(external_secret()); synced(world)
    for i,(kid,sec) in enumerate([(poor.access_key_id,poor.secret_access_key),(world.user.access_key_id,"wrong"),(world.user.access_key_id,world.user.secret_access_key[:-1])]):
        world.put_secret(b,"keys",{"id":kid,"secret":sec})
        world.apply(json.dumps(store()),b)
        world.apply(external_secret(f"steal{i}"),b); time.sleep(2.5)
        print("steal",i,ascii(world.ready("ExternalSecret",f"steal{i}",b))[:250],world.data(f"steal{i}",b))
    # credentials in another namespace
    s=store("xns")
    for r in s["spec"]["provider"]["aws"]["auth"]["secretRef"].values(): r["namespace"]=a
    try: world.apply(json.dumps(s),b)
    except Exception as e: print("API xns",str(e)[:200])
    world.apply(external_secret("xns",secretStoreRef={"name":"xns"}),b)
    world.role(a,"rich")
    world.apply(json.dumps(store("xsa",{"jwt":{"serviceAccountRef":{"name":"rich","namespace":a}}})),b)
    world.apply(external_secret("xsa",secretStoreRef={"name":"xsa"}),b)
    # odd regions, roles, ids
    odd=[]
    for i,kw in enumerate([dict(region="eu-west-1.evil.example"),dict(region="eu-west-1@x"),dict(region=X),dict(region=""),dict(region="cn-north-1"),dict(role="arn:aws-cn:iam::111122223333:role/x"),dict(role=X),dict(role="x"*3000),dict(role="arn:aws:iam::111122223333:role/x",externalID=X),dict(role="arn:aws:iam::111122223333:role/x",sessionTags=[{"key":X,"value":"y"*5000}]),dict(additionalRoles=["arn:aws:iam::111122223333:role/x"]*500),dict(service="ParameterStore",prefix="../../"),dict(secretsManager={"forceDeleteWithoutRecovery":True}),dict(prefix=X)]):
        n=f"odd{i}"
        try: world.apply(json.dumps(store(n,**kw))); odd.append(n); world.apply(external_secret(n,secretStoreRef={"name":n}))
        except Exception as e: print("API",n,ascii(str(e))[:200])
    gens=[("Password",dict(length=10**9)),("Password",dict(length=2**63-1)),("Password",dict(length=-1)),("Password",dict(length=0)),("Password",dict(length=100,digits=10**9)),("Password",dict(length=24,symbolCharacters="\n\x00\u202e"*3)),("Password",dict(length=24,symbolCharacters="")),("UUID",{}),("ECRAuthorizationToken",dict(region=X)),("STSSessionToken",dict(region="eu-west-1",auth={"secretRef":{"accessKeyIDSecretRef":{"name":"keys","key":"id","namespace":a},"secretAccessKeySecretRef":{"name":"keys","key":"secret","namespace":a}}},requestParameters={"serialNumber":X,"tokenCode":X,"sessionDuration":-5}))]
    for i,(k,spec) in enumerate(gens):
        n=f"gen{i}"
        try:
            world.apply(json.dumps({"apiVersion":"generators.external-secrets.io/v1alpha1","kind":k,"metadata":{"name":n},"spec":spec}),b)
            world.apply(external_secret(n,data=[],dataFrom=[{"sourceRef":{"generatorRef":{"apiVersion":"generators.external-secrets.io/v1alpha1","kind":k,"name":n}}}]),b)
        except Exception as e: print("API",n,ascii(str(e))[:250])
    # CES into victim's namespace, over an existing ES of the same name, and bad selectors
    for i,spec in enumerate([{"namespaces":[a],"externalSecretName":"db"},{"namespaceSelectors":[{"matchExpressions":[{"key":X,"operator":"Odd","values":["x"]}]}]},{"namespaceSelectors":[{}]*3,"externalSecretName":"x"*300},{"namespaces":[X,"../..","kube-system/../"+a]},{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":a}},"externalSecretName":"steal/../../x"},{"namespaces":[a],"refreshTime":"1ns","externalSecretMetadata":{"labels":{"x":X},"annotations":{"a":X}}}]):
        n=f"ces-{a}-{i}"
        try: world.apply(json.dumps({"apiVersion":"external-secrets.io/v1","kind":"ClusterExternalSecret","metadata":{"name":n},"spec":{**spec,"externalSecretSpec":json.loads(external_secret())["spec"]}}))
        except Exception as e: print("API",n,ascii(str(e))[:200])
    # big: 20 objects with 100 x 64 KiB keys
    for i in range(30): c.put_secret(f"big{i}","x"*65000,region=REGION)
    for j in range(12):
        world.apply(external_secret(f"big-{j}",data=[{"secretKey":f"k{i}","remoteRef":{"key":f"big{i}"}} for i in range(30)]),b if j%2 else a)
    time.sleep(10)
    for n in ["xns","xsa"]+[f"gen{i}" for i in range(len(gens))]+["big-1"]: print(n,ascii(world.ready("ExternalSecret",n,b))[:300], {k:len(v) for k,v in (world.data(n,b) or {}).items()})
    for n in odd: print(n,ascii(world.ready("SecretStore",n))[:330])
    print("big-0",ascii(world.ready("ExternalSecret","big-0"))[:300])
    for i in range(6):
        g=world.get("ClusterExternalSecret",f"ces-{a}-{i}"); print("ces",i,ascii(json.dumps((g or {}).get("status")))[:400])
    print("db still", world.data("db"), world.ready("ExternalSecret","db"))
    for l in world.log:
        if "traceback" in l or "a bug" in l or "unexpected" in l: print("LOG",l[:1200])
    print("RSS",[l for l in open(f"/proc/{world.process.pid}/status") if "VmHWM" in l or "VmRSS" in l])
    hosts={getattr(x,"host","") for x in world.aws.journal.calls}; print(hosts)
    bad=[(o,r,ascii(m)[:200]) for ns in (a,b) for o,r,m in world.events(ns) if not m.isprintable()]
    print("EVENTS raw",bad[:5])
    world.apply(external_secret("last")); synced(world,"last")
