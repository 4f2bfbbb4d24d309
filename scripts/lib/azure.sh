# shellcheck shell=bash
# Azure environments: their parameters, the outputs of their template, and the Azure CLI. Sourced by
# scripts/deploy and its relatives after load.sh. Nothing here reads or prints a secret.

deploy_dir=$state_dir/deploy     # outputs of deployments, for the steps that follow

# az_run ARGUMENT…: runs the Azure CLI without its notices, and ends the script if it fails.
az_run() {
  az "$@" --only-show-errors || die "az ${*:1:3} failed; its message is above."
}

# az_check: checks that the Azure CLI is installed and logged in.
az_check() {
  command -v az >/dev/null 2>&1 ||
    die "the Azure CLI (az) was not found." "Install it: https://learn.microsoft.com/cli/azure/install-azure-cli"
  az account show --output none --only-show-errors ||
    die "the Azure CLI is not logged in." "Log in: az login. In GitHub Actions, the step azure/login comes first."
}

# environment_use NAME: checks the name of an environment, and sets environment and parameter_file.
environment_use() {
  environment=$1
  case $environment in
    *[!a-z0-9]*|?|???????????*|'') usage_error "'$environment' is no environment: 2 to 10 lower-case letters and digits." ;;
  esac
  parameter_file=$repo_root/infra/$environment.bicepparam
  [ "$environment" != main ] && [ -r "$parameter_file" ] || parameter_file=$repo_root/infra/main.bicepparam
  [ -r "$parameter_file" ] || die "the parameters of the environment were not found: $parameter_file."
  mkdir -p "$deploy_dir" || die_unwritable "$deploy_dir"
}

# environment_is_production: succeeds for the profile `prod`, and for parameters that do not say.
environment_is_production() {
  local line profile
  line=$(grep '^param profile = ' "$parameter_file" || true)
  profile=$(printf '%s\n' "$line" | sed -n "s/.*'\([a-z]*\)'[)]*$/\1/p")
  case $line in *ZAVA_PROFILE*) profile=${ZAVA_PROFILE:-$profile} ;; esac
  [ "${profile:-prod}" = prod ]
}

# hosting_check NAME: checks the name of a way to host the server.
hosting_check() {
  case $1 in functions|containerapp) ;; *) usage_error "the hosting is functions or containerapp, not '$1'." ;; esac
}

# image_check IMAGE: checks that an image is named by its digest: a tag could change between steps.
image_check() {
  case $1 in
    ?*@sha256:????????????????????????????????????????????????????????????????) ;;
    *) usage_error "the image '$1' is not named by its digest (NAME@sha256:…)." ;;
  esac
}

# deployment_name: prints a new name for a deployment. The outputs of the last one that succeeded
# are those of the environment, so each gets its own name.
deployment_name() { printf 'zava-%s-%s\n' "$environment" "$(date -u +%Y%m%d%H%M%S)"; }

# group_name: prints the name of the environment's resource group, as infra/main.bicep makes it.
group_name() { printf 'rg-zava-%s\n' "$environment"; }

# group_exists: succeeds if that resource group exists.
group_exists() {
  local exists
  exists=$(az_run group exists --name "$(group_name)" --output tsv) || exit
  [ "$exists" = true ]
}

# outputs_read: reads the outputs of the environment's last successful deployment from Azure, by
# these scripts or by azd, which names its deployments ENVIRONMENT-TIME. Fails if there is none, or
# if the resource group was deleted, which deployments of the subscription outlive.
outputs_read() {
  group_exists || return 1
  az_run deployment sub list --output json \
    --query "[?starts_with(name,'zava-$environment-')||starts_with(name,'$environment-')].{name:name,time:properties.timestamp,state:properties.provisioningState,outputs:properties.outputs}" \
    > "$deploy_dir/$environment.list.json"
  outputs_write "$deploy_dir/$environment.list.json"
}

# outputs_write FILE: keeps outputs for `output`, as NAME=value lines: those in FILE, or, of a list of
# deployments, those of the last of this environment that succeeded. Fails if there are none.
outputs_write() {
  python3 - "$1" "$deploy_dir/$environment.outputs" "$environment" "$(group_name)" <<'PYTHON'
import json, re, sys
environment, group = sys.argv[3:]
with open(sys.argv[1]) as file:
    outputs = json.load(file)
if isinstance(outputs, list):
    # The prefix of an environment named `zava` is that of every environment.
    name = re.compile(rf"zava-{environment}-[0-9]{{14}}|{environment}-[0-9]+")
    found = [
        entry
        for entry in outputs
        if entry["state"] == "Succeeded"
        and name.fullmatch(entry["name"])
        and ((entry["outputs"] or {}).get("resourceGroupName") or {}).get("value") == group
    ]
    if not found:
        sys.exit(1)
    outputs = max(found, key=lambda entry: entry["time"])["outputs"]
with open(sys.argv[2], "w") as file:
    file.writelines(f"{name}={output['value']}\n" for name, output in outputs.items())
PYTHON
}

# outputs_need: reads the outputs, and ends the script if the environment was never deployed.
outputs_need() {
  outputs_read || die "the environment $environment was not found in this subscription." \
    "Deploy it first: ./scripts/deploy $environment --release FOLDER"
}

# output NAME: prints an output of the environment, which may be empty.
output() {
  grep -q "^$1=" "$deploy_dir/$environment.outputs" || die "the deployment has no output '$1'."
  sed -n "s/^$1=//p" "$deploy_dir/$environment.outputs"
}

# image_of_job GROUP JOB, image_of_app GROUP APP: print the image that runs; nothing if there is no
# such job or app.
image_of_job() {
  az_run containerapp job list --resource-group "$1" --query "[?name=='$2'].properties.template.containers[0].image" --output tsv
}
image_of_app() {
  az_run containerapp list --resource-group "$1" --query "[?name=='$2'].properties.template.containers[0].image" --output tsv
}

# deleted_vault LOCATION: prints the name of the environment's Key Vault if it was deleted. Azure
# keeps it, and its name, for 90 days.
deleted_vault() {
  az_run keyvault list-deleted --resource-type vault --output tsv \
    --query "[?starts_with(name,'kv-$environment-')&&properties.location=='$1'&&contains(properties.vaultId,'/resourceGroups/$(group_name)/')].name"
}

# running_image: prints the image of the environment that serves, or, on Functions, indexes.
running_image() {
  local group app
  group=$(output resourceGroupName)
  app=$(output containerAppName)
  if [ -n "$app" ]; then
    image_of_app "$group" "$app"
  else
    image_of_job "$group" "$(output indexJobName)"
  fi
}
