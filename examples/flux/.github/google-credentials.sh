#!/bin/sh
# Lets this run act as SERVICE_ACCOUNT through PROVIDER, without a key: GitHub's token is in one file, and the credentials file refers to that
# file. apigee-flux rejects a credentials file that names a host other than Google's.
set -eu
curl -sSf -H "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
    "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=https://iam.googleapis.com/$PROVIDER" | jq -r .value > "$RUNNER_TEMP/token"
jq -n --arg token "$RUNNER_TEMP/token" --arg provider "$PROVIDER" --arg account "$SERVICE_ACCOUNT" '{
  type: "external_account",
  audience: "//iam.googleapis.com/\($provider)",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  token_url: "https://sts.googleapis.com/v1/token",
  credential_source: {file: $token},
  service_account_impersonation_url:
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\($account):generateAccessToken"
}' > "$RUNNER_TEMP/credentials.json"
echo "GOOGLE_APPLICATION_CREDENTIALS=$RUNNER_TEMP/credentials.json" >> "$GITHUB_ENV"
