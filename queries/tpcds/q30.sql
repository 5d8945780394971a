--! title = "Web returners above their state's average"
--! question = "Which customers living in one state returned by web, in a year, more than 1.2 times the average return of the state they returned from?"
--! param.STATE = { default = "GA", text = "states" }
--! param.YEAR = { default = 2002, int = [1999, 2002] }

with customer_total_return as (
    select
        wr_returning_customer_sk as ctr_customer_sk,
        ca_state as ctr_state,
        sum(wr_return_amt) as ctr_total_return
    from web_returns
    join date_dim on wr_returned_date_sk = d_date_sk
    join customer_address on wr_returning_addr_sk = ca_address_sk
    where d_year = {YEAR}
    group by wr_returning_customer_sk, ca_state
)
select
    c_customer_id,
    c_salutation,
    c_first_name,
    c_last_name,
    c_preferred_cust_flag,
    c_birth_day,
    c_birth_month,
    c_birth_year,
    c_birth_country,
    c_login,
    c_email_address,
    c_last_review_date_sk,
    ctr1.ctr_total_return
from customer_total_return as ctr1
join customer on ctr1.ctr_customer_sk = c_customer_sk
join customer_address on c_current_addr_sk = ca_address_sk
where ctr1.ctr_total_return > (
        select avg(ctr2.ctr_total_return) * 1.2
        from customer_total_return as ctr2
        where ctr2.ctr_state = ctr1.ctr_state
    )
    -- the state of the current address, which need not be the one of the return
    and ca_state = {STATE}
order by
    c_customer_id,
    c_salutation nulls first,
    c_first_name nulls first,
    c_last_name nulls first,
    c_preferred_cust_flag nulls first,
    c_birth_day nulls first,
    c_birth_month nulls first,
    c_birth_year nulls first,
    c_birth_country nulls first,
    c_login nulls first,
    c_email_address nulls first,
    c_last_review_date_sk nulls first,
    ctr1.ctr_total_return
limit 100
