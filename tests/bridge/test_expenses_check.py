"""What a program uses of the old API is found in any language; plain words raise no alarm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from counterfoil.bridge.checking import Report, check_path
from counterfoil.bridge.checking.markdown import as_text

PYTHON = '''\
# an old client: note the type and status of each expense
BASE = "https://openapi.pleo.io/v1"

def poll(token):
    """Reads the note, the type and the id of all expenses."""
    answer = requests.get(f"{BASE}/expenses?status=QUEUED&pageSize=2000")
    if answer.status != 200:
        raise RuntimeError("type of error: status")
    return answer.json()["expenses"]

def book(expense):
    if expense["type"] == "PERSONAL_TRANSFER":
        return
    for line in expense["lines"]:
        post(line["accountId"], line["amountSettled"]["value"])
    merchant = expense["cardTransaction"]["merchant"]["name"]
    receipts = requests.get(f"{BASE}/expenses/{expense['id']}/receipts")
    requests.put(
        BASE + "/expenses",
        json=[{"id": expense["id"], "status": "EXPORTED"}],
    )
'''
TYPESCRIPT = """\
interface Expense {
  id: string;
  performedAt: string;
  amountOriginal: { value: number; currency: string };
  note?: string;
}
// the type of this is unknown
const url = 'https://openapi.pleo.io/v1/tag-groups/' + id + '/tags';
axios.put('/v1/expenses/' + e.id, { status: 'EXPORTING' });
if (e.cardTransaction?.state === 'REFUND') { skip(e.type); }
const response = await axios.get(`/v1/expenses/${e.id}/receipts/${r}`);
console.log(response.status, style.type, node.id);
"""
GO = """\
type Expense struct {
	ID          string `json:"id"`
	PerformedAt string `json:"performedAt"`
	TaxCodeID   string `json:"taxCodeId"`
	Note        string `json:"note"`
}
"""
CSHARP = """\
public class Expense {
    [JsonProperty("performedAt")] public DateTime PerformedAt { get; set; }
    [JsonProperty("departmentId")] public string Team { get; set; }
    public string EmployeeCode { get; set; }
}
"""
PHP = """\
<?php
$response = $client->request('PUT', 'https://openapi.pleo.io/v1/expenses', $body);
$total += $expense->amountSettled->value;
$text = $expense['note'];
"""
RECORDED = """\
{
  "expenses": [
    {
      "performedAt": "2023-10-01T00:00:00.000Z",
      "amountOriginal": {"value": 1, "currency": "EUR"},
      "type": "CARD",
      "lines": [{"amountSettled": {"value": 1, "currency": "EUR"}, "accountId": "a"}],
      "status": "EXPORTED"
    }
  ],
  "metadata": {"pageInfo": {"pageSize": 1, "totalCount": 1}}
}
"""
OTHERS = {
    "invoice.py": '''\
class Invoice:
    """The note and status of an invoice with its type."""
    def __init__(self, type, note, status):
        self.type, self.note = type, note
        self.status = "QUEUED"
        self.card = "CARD"
print({"id": 1, "createdAt": 2, "merchant": {"name": "x"}}, "/expenses/list")
''',
    "accounting_entries.py": """\
for e in post("https://external.pleo.io/v1/accounting-entries:search")["data"]:
    print(e["performedAt"], e["settledAt"], e["taxCodeId"], e["receiptIds"])
""",
    "README.md": "We use Pleo. Each expense has a note, a type, and a status: CARD or MANUAL.\n",
    "queue.js": "const status = 'EXPORTED'; jobs.filter(j => j.status === 'QUEUED');\n",
}


def check(folder: Path, name: str, text: str) -> Report:
    (folder / name).write_text(text)
    return check_path(folder)


def found(report: Report) -> dict[str, list[int]]:
    """Say on which lines each old thing is used."""
    return {use.old: [place.line for place in use.places] for use in report.uses}


def test_an_old_program_in_python(tmp_path: Path) -> None:
    assert found(check(tmp_path, "client.py", PYTHON)) == {
        "GET /v1/expenses": [6],
        "PUT /v1/expenses": [19],
        "GET /v1/expenses/{id}/receipts": [17],
        "https://openapi.pleo.io": [2],
        "id": [17, 20],
        "type": [12],
        "status": [20],
        "cardTransaction.merchant.name": [16],
        "lines[].amountSettled": [15],
        "lines[].accountId": [15],
        "PERSONAL_TRANSFER": [12],
        "QUEUED": [6],
        "EXPORTED": [20],
    }


def test_an_old_program_in_typescript(tmp_path: Path) -> None:
    assert found(check(tmp_path, "client.ts", TYPESCRIPT)) == {
        "PUT /v1/expenses/{id}": [9],
        "GET /v1/expenses/{id}/receipts/{receiptId}": [11],
        "GET /v1/tag-groups/{id}/tags": [8],
        "https://openapi.pleo.io": [8],
        "id": [2, 9, 11],
        "performedAt": [3],
        "amountOriginal": [4],
        "note": [5],
        "type": [10],
        "status": [9],
        "cardTransaction.state": [10],
        "EXPORTING": [9],
        "REFUND": [10],
    }


@pytest.mark.parametrize(
    ("name", "text", "uses"),
    [
        ("model.go", GO, {"id", "performedAt", "taxCodeId", "note"}),
        ("Model.cs", CSHARP, {"performedAt", "departmentId", "employeeCode"}),
        (
            "sync.php",
            PHP,
            {"PUT /v1/expenses", "https://openapi.pleo.io", "amountSettled", "note"},
        ),
    ],
)
def test_old_programs_in_other_languages(
    tmp_path: Path, name: str, text: str, uses: set[str]
) -> None:
    assert set(found(check(tmp_path, name, text))) == uses


def test_recorded_json(tmp_path: Path) -> None:
    uses = found(check(tmp_path, "recorded.json", RECORDED))
    assert set(uses) == {
        "performedAt",
        "amountOriginal",
        "amountSettled",
        "type",
        "accountId",
        "status",
        "lines[].amountSettled",
        "lines[].accountId",
        "CARD",
        "EXPORTED",
    }


@pytest.mark.parametrize("name", OTHERS)
def test_words_that_are_not_pleos_raise_no_alarm(tmp_path: Path, name: str) -> None:
    assert found(check(tmp_path, name, OTHERS[name])) == {}


def test_each_use_says_what_it_becomes_and_why(tmp_path: Path) -> None:
    uses = {use.old: use for use in check(tmp_path, "client.ts", TYPESCRIPT).uses}
    assert uses["performedAt"].new == "date"
    assert uses["performedAt"].certain
    assert not uses["note"].certain
    assert uses["amountOriginal"].new is None
    assert "amountSettled" in uses["amountOriginal"].reason
    assert uses["EXPORTING"].new == "item status in_progress"


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "huge.log").write_bytes(b"x" * (2 * 1024 * 1024 + 1))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "client.js").write_text(TYPESCRIPT)
    os.mkfifo(tmp_path / "pipe")
    report = check(tmp_path, "notes.txt", "nothing\n")
    assert report.files == 1
    assert {each.file: each.why.split(" (")[0] for each in report.skipped} == {
        "logo.png": "is binary",
        "huge.log": "is too large",
        "node_modules": "a folder of tools or of other people's code",
        "pipe": "is no regular file",
    }


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    (tmp_path / "client.cs").write_text(CSHARP, "utf-16")
    assert "performedAt" in found(check_path(tmp_path))


def test_a_single_file_is_checked_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(PYTHON)
    report = check_path(tmp_path / "client.py")
    assert report.uses[0].places[0].file == "client.py"


def test_the_markdown_report_names_places_and_what_has_no_equivalent(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"\0")
    text = as_text(check(tmp_path, "client.ts", TYPESCRIPT))
    assert "## Without equivalent\n\n- field `amountOriginal`" in text
    assert "| `amountOriginal` | — | **no equivalent** |" in text
    assert "`client.ts:4`" in text
    assert "- `logo.png`: is binary" in text


def test_the_example_client_uses_what_it_says(root: Path) -> None:
    uses = found(check_path(root / "examples" / "old-expenses-client"))
    assert {"QUEUED", "EXPORTING", "EXPORTED", "performedAt", "CARD"} <= set(uses)
