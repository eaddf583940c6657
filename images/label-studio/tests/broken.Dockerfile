# rejected by: test_nobody_signs_up_without_an_invitation
# As its documentation begins: whoever finds the page makes an account.
FROM parent
ENV LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK=false
