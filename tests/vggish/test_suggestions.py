from vggish.suggestions import suggest


def test_a_similar_name_is_suggested_and_no_other():
    assert suggest("fuson", ["mfcc", "fusion"]) == "did you mean 'fusion'?"
    assert suggest("banana", ["mfcc", "fusion"]) == "choose one of mfcc, fusion."
