#!/usr/bin/env bash
# Tests driver, provider and controller in a cluster, with an emulated AWS there.
#
#   tests/cluster/run.sh IMAGE [REPORT]
#
# KUBECONFIG names the cluster; kubectl and helm must be its administrator. IMAGE, with a tag, must be one that its
# nodes can pull or have. REPORT gets the results in the Test Anything Protocol; default: standard output only. The
# exit code is 1 if a test failed. Everything is removed at the end, except the driver and the CRDs.
#
#   DRIVER_VERSION=1.6.0   chart of the driver; empty: it is installed, with deploy/examples/driver-values.yaml
#   KEEP=1                 leave everything, to look at it
set -euo pipefail

image=${1:?usage: run.sh IMAGE [REPORT]}
report=${2:-/dev/null}
driver=${DRIVER_VERSION-1.6.0}
here=$(dirname "${BASH_SOURCE[0]}")
root=$here/../..
namespace=cluster-test
work=$(mktemp -d)
number=0 failed=0

k() { kubectl --namespace "$namespace" "$@"; }

# ---- tests: a name, a command that must succeed, and how long it may be tried

check() {
  local name=$1 seconds=$2 end
  shift 2
  end=$((SECONDS + seconds)) number=$((number + 1))
  until "$@" >"$work/output" 2>&1; do
    if ((SECONDS >= end)); then
      failed=$((failed + 1))
      echo "not ok $number - $name"
      sed 's/^/  # /' "$work/output"
      return
    fi
    sleep 1
  done
  echo "ok $number - $name"
}

file_is() { [[ $(k exec "$1" -- cat "/mnt/secrets/$2") == "$3" ]]; }
mode_is() { [[ $(k exec "$1" -- stat -L -c %a "/mnt/secrets/$2") == "$3" ]]; }
secret_is() { [[ $(k get secret database -o jsonpath='{.data.password}' | base64 -d) == "$1" ]]; }
pod_says() { k get events --field-selector "involvedObject.name=$1" -o jsonpath='{.items[*].message}' | grep -F "$2"; }
condition_says() { k get externalsecret database -o jsonpath='{.status.conditions[*].message}' | grep -F "$1"; }
status_lists() {
  local node provider
  node=$(k get pods -l app=web -o jsonpath='{.items[0].spec.nodeName}')
  provider=$(kubectl -n kube-system get pods -l app.kubernetes.io/name=secrets-provider-aws \
    --field-selector "spec.nodeName=$node,status.phase=Running" -o jsonpath='{.items[0].metadata.name}')
  kubectl -n kube-system exec "$provider" -- secrets-provider-aws status | grep -F "$1"
}
new_pod_starts() {
  k scale deployment web --replicas=2 && k rollout status deployment/web --timeout=2m
}
logs_are_silent() {
  local logs
  logs=$(kubectl -n kube-system logs -l app.kubernetes.io/name=secrets-provider-aws --tail=-1 --max-log-requests=500
    kubectl -n external-secrets logs -l app.kubernetes.io/name=secrets-controller-aws --tail=-1)
  [[ -n $logs ]] && ! grep -E 'value-[12]' <<<"$logs"
}

# ---- what is tested

install() {
  local issuer
  kubectl create namespace "$namespace"
  issuer=$(kubectl get --raw /.well-known/openid-configuration | sed 's/.*"issuer":"\([^"]*\)".*/\1/')
  (cd "$root" && python3 -m zipfile -c "$work/testbed.zip" testbed)
  k create configmap issuer --from-literal="ISSUER=$issuer"
  k create configmap aws --from-file="$work/testbed.zip" --from-file="$here/aws.py"
  k apply -f "$here/aws.yaml"
  k rollout status deployment/aws --timeout=2m
  if [[ -n $driver ]]; then
    helm upgrade --install --wait -n kube-system csi-secrets-store secrets-store-csi-driver \
      --repo https://kubernetes-sigs.github.io/secrets-store-csi-driver/charts --version "$driver" \
      --values "$root/deploy/examples/driver-values.yaml" --set rotationPollInterval=5s
  fi
  install_chart kube-system secrets-provider-aws --set rotationPollInterval=0s \
    --set "extraArgs[0]=--pod-identity-ipv4-endpoint=http://aws.$namespace.svc.cluster.local:8081/v1/credentials"
  install_chart external-secrets secrets-controller-aws --create-namespace
}

install_chart() {
  local where=$1 chart=$2
  shift 2
  helm upgrade --install --wait -n "$where" "$chart" "$root/deploy/chart/$chart" "$@" \
    --set "image.repository=${image%:*}" --set-string "image.tag=${image##*:}" --set image.pullPolicy=IfNotPresent \
    --set 'extraEnv[0].name=AWS_ENDPOINT_URL' --set "extraEnv[0].value=http://aws.$namespace.svc.cluster.local:8080"
}

run() {
  local whole='{"username": "web", "password": "value-1"}'
  k apply -f "$here/workload.yaml"
  check "a pod starts with its files" 90 file_is deployment/web password value-1
  check "the files have the modes of the class" 10 mode_is deployment/web password 440
  check "the whole secret is a file" 10 file_is deployment/web database.json "$whole"
  check "a pod starts with EKS Pod Identity" 60 file_is pod/pod-identity database.json "$whole"
  check "a pod with a missing secret says what is missing" 60 pod_says broken cluster-test/missing
  check "an ExternalSecret becomes a Secret" 60 secret_is value-1
  check "the condition of the ExternalSecret says so" 10 condition_says 'secret synced'
  check "status lists the pod" 10 status_lists web-

  k exec deployment/aws -- sh -c "kill -USR1 1"
  check "a new value reaches the files of a running pod" 180 file_is deployment/web password value-2
  k annotate externalsecret database "force-sync=$(date +%s)"
  check "a new value reaches the Secret" 60 secret_is value-2

  kubectl -n kube-system rollout restart daemonset/secrets-provider-aws
  check "a pod starts while the provider is replaced" 1 new_pod_starts
  kubectl -n kube-system rollout status daemonset/secrets-provider-aws --timeout=3m
  check "the files are still there" 10 file_is deployment/web password value-2
  check "no value is in a log" 1 logs_are_silent
  echo "1..$number"
}

show_state() {
  echo "# ---- pods"
  kubectl get pods -A -o wide
  k describe pods
  kubectl -n kube-system logs -l app.kubernetes.io/name=secrets-provider-aws --tail=50
  kubectl -n external-secrets logs -l app.kubernetes.io/name=secrets-controller-aws --tail=50
}

remove() {
  local code=$?
  if ((code != 0 || failed)); then show_state >&2 || true; fi
  if [[ -z ${KEEP:-} ]]; then
    k delete deployment,pod --all --timeout=1m || true
    kubectl delete namespace "$namespace" --wait=false || true
    helm uninstall -n external-secrets secrets-controller-aws || true
    helm uninstall -n kube-system secrets-provider-aws || true
  fi >&2
  rm -r "$work"
}

trap remove EXIT
install >&2
run > >(tee "$report")
((failed == 0))
